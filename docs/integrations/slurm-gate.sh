#!/bin/sh
# Slurm: measure in arrays, then merge, judge, and drain the nodes of a ring that is NO-GO. Submit this with sbatch, as somebody
# who may drain (an operator), after the arrays:
#   compat plan upgrade.yaml --ring canary --shards 8 --nodes nodes.yaml --format slurm > arrays.sh
#   jobs=$(sh arrays.sh | paste -sd:) && sbatch --dependency="afterany:$jobs" slurm-gate.sh
#SBATCH --job-name=compat-gate
#SBATCH --ntasks=1
#SBATCH --time=00:30:00
set -eu
# Whatever became of the arrays: the gate refuses (exit code 2) what was measured for another matrix file than this one.
compat merge out/upgrade.shards/*-of-8 --output out/upgrade
compat report out/upgrade --ring canary
# Exit code 0 GO, 1 NO-GO, 10 HOLD: what waits with --dependency=afterok goes on for GO alone.
exec compat gate out/upgrade --ring canary --matrix upgrade.yaml --format slurm --drain
