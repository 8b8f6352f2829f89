#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image: Go, of the release that the
# grader was packed with, and the compiled standard library.
set -eu
cd "$(dirname "$0")"
if [ ! -f grade ]; then # Gradescope may have copied this script out of source/
	cd source
fi
want=@GO@
sum=@SUM@
if [ "$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || true)" != "$want" ]; then
	apt-get update
	apt-get install -y --no-install-recommends ca-certificates curl
	curl --fail --silent --show-error --location --retry 3 --output /tmp/go.tar.gz "https://go.dev/dl/$want.linux-amd64.tar.gz"
	if [ -n "$sum" ]; then
		echo "$sum  /tmp/go.tar.gz" | sha256sum --check
	fi
	rm -rf /usr/local/go
	tar -C /usr/local -xzf /tmp/go.tar.gz
	rm /tmp/go.tar.gz
	ln -sf /usr/local/go/bin/go /usr/local/bin/go
fi
if [ -f secret.env ]; then # the course's secret seed
	set -a
	. ./secret.env
	set +a
fi
chmod +x grade run_autograder
# It compiles the standard library, and shows that the image can grade.
./grade gradescope-run --check ..
