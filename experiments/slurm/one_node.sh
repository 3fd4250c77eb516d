#!/usr/bin/env bash
# A SLURM of one node on this machine, to try grids out before they go to a cluster. As root, on Debian or Ubuntu:
#
#   apt-get install --no-install-recommends slurm-wlm munge
#   eval "$(experiments/slurm/one_node.sh start)"      # sets SLURM_CONF in this shell
#   python -m vst -m pair=swirls:talk,ink:anime model=flow,robust hydra/launcher=submitit_slurm
#   experiments/slurm/one_node.sh stop
#
# Its configuration, state and logs are in $VST_SLURM, by default /var/tmp/vst-slurm.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=${VST_SLURM:-/var/tmp/vst-slurm}
export SLURM_CONF=$state/slurm.conf

fail() { echo "one_node.sh: $1" >&2; exit 2; }

start() {
  [ "$(id -u)" = 0 ] || fail "SLURM's daemons need root; run this as root"
  for program in slurmctld slurmd munged sbatch; do
    command -v $program > /dev/null \
      || fail "$program is not installed; apt-get install --no-install-recommends slurm-wlm munge"
  done
  mkdir -p "$state/controller" "$state/node"
  memory=$(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) / 1024 * 9 / 10))
  sed -e "s|@HOST@|$(hostname -s)|g" -e "s|@STATE@|$state|g" -e "s|@CPUS@|$(nproc)|g" \
      -e "s|@MEMORY@|$memory|g" "$here/slurm.conf.in" > "$SLURM_CONF"
  if ! munge -n > /dev/null 2>&1; then
    mkdir -p /run/munge
    chown munge: /run/munge
    setpriv --reuid munge --regid munge --clear-groups munged >&2
  fi
  slurmctld >&2
  slurmd >&2
  for _ in $(seq 60); do
    if [ "$(sinfo --noheader --format=%t 2> /dev/null)" = idle ]; then
      echo "export SLURM_CONF=$SLURM_CONF"
      return
    fi
    sleep 0.5
  done
  fail "the node does not come up; see $state/slurmctld.log and $state/slurmd.log"
}

stop() {
  for daemon in slurmd slurmctld; do
    if [ -f "$state/$daemon.pid" ]; then kill "$(cat "$state/$daemon.pid")" || true; fi
  done
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  *) fail "say start or stop" ;;
esac
