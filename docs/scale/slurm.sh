#!/bin/sh
# Slurm: an array of tasks grades a share each, a last job puts them together.
# From the folder with submissions/ and grade.toml, which all nodes must see:
#
#	sh slurm.sh 16
#
# Go and grade must be in PATH on the nodes. A task that was lost is done again
# by submitting once more: what is in a shard's folder is not graded again.
#SBATCH --job-name=grade
#SBATCH --cpus-per-task=2
#SBATCH --mem=5G
#SBATCH --time=04:00:00
#SBATCH --output=grade-%A_%a.log
set -eu

if [ -z "${SLURM_JOB_ID:-}" ]; then # on the login node
	tasks=${1:?expected the number of tasks: sh slurm.sh 16}
	job=$(sbatch --parsable --array="1-$tasks" "$0")
	sbatch --dependency="afterok:${job%%;*}" --cpus-per-task=1 --output=grade-merge-%j.log "$0" merge
elif [ "${1:-}" = merge ]; then
	grade merge --out results --course grade.toml shards/*/
else
	# Shares are counted from 1, the array from wherever it begins.
	share=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))
	mkdir -p shards
	# Two nodes must not share Go's build cache over the network.
	grade batch submissions/ --course grade.toml --shard "$share/$SLURM_ARRAY_TASK_COUNT" --out "shards/$share" \
		--workers "${SLURM_CPUS_PER_TASK:-1}" --cache "${TMPDIR:-/tmp}/grade-cache-$(id -u)"
fi
