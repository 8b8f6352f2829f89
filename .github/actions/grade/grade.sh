#!/usr/bin/env bash
# The step of the action that grades. Everything comes in as variables: see
# action.yml.
set -eu

args=(--lang "$LANG_OF_REPORT" --hints "$HINTS" --color never --format classroom --format summary --format "annotations=$RUNNER_TEMP/annotations")
if [ "$SEEDS" != 0 ]; then
	args+=(--seeds "$SEEDS")
fi
if [ -n "$LAB" ]; then
	args+=(--lab "$LAB")
fi
if [ -n "$JUNIT" ]; then
	args+=(--format "junit=$JUNIT")
fi
read -r -a parts <<<"$PARTS"
case $DIRECTORY in
/* | ./* | ../* | . | ..) ;;
*) DIRECTORY=./$DIRECTORY ;; # a folder, even if a part has its name
esac

# The report holds what the submission printed. Until the token comes, the runner
# takes no line of it for a command.
rm -f "$RUNNER_TEMP/annotations"
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$token"
code=0
"$GRADE" ${parts[@]+"${parts[@]}"} "${args[@]}" -- "$DIRECTORY" || code=$?
echo "::$token::"
if [ -f "$RUNNER_TEMP/annotations" ]; then
	cat "$RUNNER_TEMP/annotations"
fi
echo "exit-code=$code" >>"$GITHUB_OUTPUT"
if [ "$FAIL_ON_ERROR" = false ] && { [ $code -eq 1 ] || [ $code -eq 3 ]; }; then
	exit 0
fi
exit $code
