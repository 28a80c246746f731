#!/bin/sh
# Slurm's Prolog (slurm.conf: Prolog=/etc/slurm/compat-prolog.sh, PrologFlags=Alloc), on the nodes of a ring that is upgraded: no job
# starts on one whose ring is NO-GO. A Prolog that fails drains its node, and the job is queued again; so only NO-GO fails here.
# It asks compat serve, in two seconds at most: a gate that does not answer keeps nobody from working.
code=$(curl --silent --max-time 2 --output /dev/null --write-out '%{http_code}' --header @/etc/slurm/compat-token-header \
  --data '{"name": "slurm", "namespace": "slurm", "phase": "prolog"}' \
  http://gate.example:8787/flagger-rollback/driver-upgrade/canary)
[ "$code" != 200 ]
