# Runs in the guest of full-path, which reads the lines that begin with @.

seconds_max=40
kept=/tmp/state

td() { curl -sS --max-time $seconds_max --unix-socket /tmp/tdxd.sock "$@"; }
tell() { echo "@$1 $2"; }
get() { tell "$1" "$(td "http://tdxd$2")"; }

until_true() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt $((seconds_max * 10)) ]; then
            echo "Waited in vain for: $*"
            cat /tmp/*.log
            exit 1
        fi
        sleep 0.05
    done
}

start_tdxd() {
    tdxd --socket /tmp/tdxd.sock --state-directory $kept --audit off "$@" 2>/tmp/tdxd.log &
    daemon=$!
    until_true td -f http://tdxd/readyz
}

start_emulator() {
    tdxd fake-module --serve up-call "$@" 2>/tmp/emulator.log &
    emulator=$!
    until_true grep -q "Answering the kernel" /tmp/emulator.log
}

stop() {
    kill -"$2" "$1"
    wait "$1"
    tell "ended-with-$2" $?
}

create() {
    td -H 'Content-Type: application/json' -H 'Prefer: wait=30' \
        -d '{"name": "web-7", "spec": {"maxVcpus": 2, "vcpuCount": 2}}' http://tdxd/tds
}

# A TD's life, from capacity to capacity.
life() {
    get "$1-before" /host/capacity
    tell "$1-created" "$(create)"
    get "$1-held" /host/capacity
    field=http://tdxd/tds/web-7/fields/NUM_VCPUS
    tell "$1-field" "$(td $field)"
    # Ten in all, for a median; in one go, since starting curl takes longer.
    td $field $field $field $field $field $field $field $field $field >/dev/null
    tell "$1-deleted" "$(td -H 'Prefer: wait=30' -X DELETE http://tdxd/tds/web-7)"
    td "http://tdxd/seamcalls?limit=1000" >/tmp/calls
    tell "$1-leaves" "$(leaves /tmp/calls | busybox tr '\n' ' ')"
    tell "$1-succeeded" "$(grep -o '"name":"TDX_SUCCESS"' /tmp/calls | wc -l)"
    tell "$1-nanoseconds" "$(grep -o '"durationNanos":[0-9]*' /tmp/calls | busybox tr '\n' ' ')"
    get "$1-after" /host/capacity
}

sessions() {
    tdxd shim sessions | busybox tail -n +2 >/tmp/sessions
    tell "$1" "$(busybox tr '\n' ';' </tmp/sessions)"
}

unload() { tell "$1" "$(rmmod tdx_shim 2>&1 && echo unloaded)"; }

# What the fake had to say against what was done to it.
hazards() { tell "$1" "$(grep -c 'would punish' /tmp/emulator.log)"; }

leaves() { grep -o '"leaf":"[^"]*"' "$1"; }

calls_were_made() {
    td "http://tdxd/seamcalls?limit=1000" >/tmp/calls
    test "$(leaves /tmp/calls | wc -l)" -ge 5
}

# Why a daemon cannot start on the shim: its exit code, and what it says. What follows the name runs it.
refused() {
    reason=$1
    shift
    "$@" tdxd --socket /tmp/tdxd.sock --state-directory $kept --audit off --module shim 2>/tmp/refusal
    tell "refused-$reason" "$? $(busybox tr '\n' ' ' </tmp/refusal)"
}

refused no-device
insmod /exports.ko
refused no-exports
rmmod tdx_shim
insmod /another.ko
refused another-version
rmmod tdx_shim
insmod /tdx_shim.ko upcall_timeout_ms=20000
# Root of a namespace of its own has no capability where it counts.
refused no-capability busybox unshare -U
refused no-emulator

start_tdxd --module fake --fake-packages 2 --fake-processors 4
life process
stop $daemon TERM

start_emulator
start_tdxd --module shim
get host /host
life shim
stop $daemon TERM
stop $emulator TERM
hazards shim-hazards
sessions sessions-after-life

# What whoever has hardware runs, and what it recorded, against the fake in process.
start_emulator
tdxd lab verify --module shim --record /tmp/verify.jsonl >/tmp/verify 2>&1
tell verify-ended $?
tell verify "$(busybox tail -n 5 /tmp/verify | busybox tr '\n' ';')"
tdxd trace replay /tmp/verify.jsonl >/tmp/replay 2>&1
tell replay-ended $?
tell replay "$(busybox tr '\n' ';' </tmp/replay)"
stop $emulator TERM
sessions sessions-after-verify

# Recordings of the module, one after the other on the same device, and what a call costs.
start_emulator
for file in traces random; do
    if [ ! -e /$file.json ]; then continue; fi
    tdxd trace replay --module shim /$file.json >/tmp/replay 2>&1
    tell recordings-$file-ended $?
    tell recordings-$file "$(busybox tr '\n' ';' </tmp/replay)"
done
if [ -e /bin/fake-benchmark ]; then
    fake-benchmark --ways 3 /dev/tdx_shim >/tmp/ways 2>&1
    tell ways-ended $?
    tell ways "$(busybox tr '\n' ';' </tmp/ways)"
fi
stop $emulator TERM
tell recordings-hazards "$(grep 'would punish' /tmp/emulator.log | grep -o 'rule=[A-Za-z]*' | busybox sort | busybox uniq -c |
    busybox tr '\n' ';')"
sessions sessions-after-recordings

# Killed in the middle of a creation, which is slow enough for that.
start_emulator --fake-call-us 100000
start_tdxd --module shim
get killed-before /host/capacity
create >/dev/null 2>&1 &
until_true calls_were_made
stop $daemon KILL
sessions killed-left
unload killed-unload
start_tdxd --module shim
tell adopted-log "$(grep 'Took over' /tmp/tdxd.log)"
get adopted-capacity /host/capacity
get adopted-keyids /host/keyids
get adopted-tds /tds
sessions adopted-sessions
adopted=$(td http://tdxd/tds | grep -o '"id":"td-[0-9a-z]*"' | sed 's/.*"\(td-.*\)"/\1/')
get adopted-pages "/tds/$adopted/pages?limit=1000"
tell adopted-deleted "$(td -H 'Prefer: wait=30' -X DELETE "http://tdxd/tds/$adopted")"
get adopted-after /host/capacity
sessions adopted-sessions-after

# The session's file is lost: root reclaims.
create >/dev/null
stop $daemon KILL
rm -r $kept
start_tdxd --module shim
get orphan-tds /tds
sessions orphan-sessions
orphan=$(grep orphan /tmp/sessions | sed 's/^ *\([0-9a-f]*\).*/\1/')
tell reclaimed "$(tdxd shim reclaim "$orphan" 2>&1 | busybox tr '\n' ';')"
sessions reclaimed-sessions
hazards reclaimed-hazards

# Without daemon and emulator, pages alone keep the module; root gives them up.
create >/dev/null
stop $daemon KILL
stop $emulator KILL
unload lost-unload
sessions lost-sessions
lost=$(grep orphan /tmp/sessions | sed 's/^ *\([0-9a-f]*\).*/\1/')
tell forgotten "$(tdxd shim forget "$lost" 2>&1)"
sessions forgotten-sessions
unload forgotten-unload
