#!/bin/bash
# A Slurm cluster of this one machine, for trying things out and for `nox -s slurm`:
#
#   sudo tools/slurm/local_cluster.sh up DIR      starts it; then: export SLURM_CONF=DIR/slurm.conf
#   sudo tools/slurm/local_cluster.sh down DIR    stops it
#
# It needs Debian's packages slurmctld, slurmd, slurm-client and munge (`apt-get install` them), and root, as slurmd runs
# jobs in the names of users; no systemd, no cgroups, no data base. State, logs and sockets are in DIR.
set -euo pipefail

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

fail() {
    echo "local_cluster.sh: $*" >&2
    exit 1
}

[ $# -eq 2 ] || usage
command=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
export SLURM_CONF=$dir/slurm.conf
# Debian's packages put daemons where a user's PATH does not look.
export PATH=$PATH:/usr/sbin:/sbin

write_configuration() {
    local memory
    memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
    cat >"$SLURM_CONF" <<CONFIGURATION
ClusterName=maskreel
SlurmctldHost=$(hostname -s)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
MinJobAge=300
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
NodeName=$(hostname -s) CPUs=$(nproc --all) RealMemory=$memory State=UNKNOWN
PartitionName=local Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
}

start_munge() {
    # Not the system's: its key may belong to somebody else.
    [ -f "$dir/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom >"$dir/munge.key")
    munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munge.pid" \
        --log-file="$dir/munge.log" --seed-file="$dir/munge.seed"
}

wait_until_ready() {
    for _ in $(seq 60); do
        if [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; then
            echo "ready: export SLURM_CONF=$SLURM_CONF"
            return
        fi
        sleep 0.5
    done
    fail "the cluster did not come up; see the logs in $dir"
}

up() {
    [ "$(id -u)" -eq 0 ] || fail "must run as root"
    for program in munged slurmctld slurmd sinfo; do
        command -v "$program" >/dev/null ||
            fail "$program is not installed: apt-get install -y slurmctld slurmd slurm-client munge"
    done
    mkdir -p "$dir/state" "$dir/spool"
    write_configuration
    start_munge
    slurmctld
    slurmd
    wait_until_ready
}

down() {
    local name pid
    for name in slurmd slurmctld munge; do
        if [ -f "$dir/$name.pid" ]; then
            pid=$(cat "$dir/$name.pid")
            kill "$pid" 2>/dev/null || true
            for _ in $(seq 40); do
                kill -0 "$pid" 2>/dev/null || break
                sleep 0.25
            done
            rm -f "$dir/$name.pid"
        fi
    done
}

case $command in
up) up ;;
down) down ;;
*) usage ;;
esac
