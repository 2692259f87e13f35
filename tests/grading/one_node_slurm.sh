#!/usr/bin/env bash
# one_node_slurm.sh COMMAND ARGUMENT…: runs the command beside a Slurm of one node, without systemd, and ends as it does.
# Network, process numbers, host name and /run are its own: the daemons have their usual ports, nothing of them outlives the
# namespaces, and no file outlives their tmpfs. 77: this machine lacks something.
set -uo pipefail
PATH=$PATH:/usr/sbin:/sbin
own=(unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc)

if [ "${1:-}" != --inside ]; then
    lacking() { echo "one_node_slurm.sh: needs $*"; exit 77; }
    [ $# -gt 0 ] || { echo 'usage: one_node_slurm.sh COMMAND ARGUMENT…' >&2; exit 2; }
    for pair in munged:munge slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client; do
        command -v "${pair%:*}" >/dev/null || lacking "the package ${pair#*:}"
    done
    [ "$(id -u)" = 0 ] || lacking 'root, as slurmd does'
    "${own[@]}" true 2>/dev/null || lacking 'namespaces, which this system does not allow'
    exec "${own[@]}" bash "$0" --inside "$@"
fi
shift

fail() { echo "one_node_slurm.sh: $*" >&2; tail -n 20 /run/slurm/*.log >&2; exit 1; }
mount -t tmpfs tmpfs /run && mkdir -p /run/munge /run/slurm/state /run/slurm/spool && hostname node || fail 'no /run of its own'
# getaddrinfo(3), AI_ADDRCONFIG: a loopback address does not count, one for documentation (RFC 5737) does.
ip link set lo up && ip address add 192.0.2.1/32 dev lo || fail 'no network of its own'
export SLURM_CONF=/run/slurm/slurm.conf
cat >$SLURM_CONF <<CONF
ClusterName=portlab
SlurmctldHost=node(127.0.0.1)
NodeName=node NodeAddr=127.0.0.1 CPUs=$(nproc)
PartitionName=all Nodes=ALL Default=YES
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
MailProg=/bin/true
StateSaveLocation=/run/slurm/state
SlurmdSpoolDir=/run/slurm/spool
SlurmctldLogFile=/run/slurm/slurmctld.log
SlurmdLogFile=/run/slurm/slurmd.log
CONF
head -c 128 /dev/urandom >/run/slurm/key && chmod 400 /run/slurm/key
munged --key-file=/run/slurm/key --seed-file=/run/slurm/seed --log-file=/run/slurm/munged.log --origin=127.0.0.1 ||
    fail 'munged does not start'
slurmctld || fail 'slurmctld does not start'
slurmd || fail 'slurmd does not start'
until scontrol ping >/dev/null 2>&1; do [ $SECONDS -lt 30 ] || fail 'slurmctld does not answer'; done
"$@"
