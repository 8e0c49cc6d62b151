#!/bin/sh
# Runs this repository's compose.yaml: builds and starts everything with the mock LLM behind it,
# sends a client more than its limit, finds that in Prometheus, restarts, stops and starts again,
# and looks whether what must be kept was kept.
#
# Exit code 77 means skipped: no Docker Engine runs here. Images that the engine does not have are
# stood in for (make-stand-ins.sh); STAND_INS=no pulls them from their registries instead.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $*"
    exit 77
}
docker info > /dev/null 2>&1 || skip "no Docker Engine answers here"
if docker compose version > /dev/null 2>&1; then
    compose="docker compose"
elif docker-compose version > /dev/null 2>&1; then
    compose=docker-compose
else
    skip "neither \`docker compose\` nor \`docker-compose\` is here"
fi

free_ports() {
    python3 -c '
import socket
sockets = [socket.socket() for _ in range(9)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))'
}
# A project, ports and settings of its own, whatever the caller's environment and .env say.
set -- $(free_ports)
export PROXY_ADDRESS=127.0.0.1 PROXY_PORT="$1" METRICS_PORT="$2" CONFIG_PORT="$3" GRPC_PORT="$4" \
    PROMETHEUS_PORT="$5" GRAFANA_PORT="$6" ALERTMANAGER_PORT="$7" PROXY_PORT_2="$8" CONFIG_PORT_2="$9"
export UPSTREAM_URL=http://mock-llm:8000 LOG_LEVEL=info FAILURE_MODE=closed
work=target/compose
names=$work/names
mkdir -p "$work"
: > "$names"
: > "$work/no-settings.env"
compose="$compose --project-name flowguard-compose-test --env-file $work/no-settings.env --profile demo --profile alerts"

# quietly COMMAND...: its output is shown when it fails.
quietly() {
    "$@" > "$work/last.log" 2>&1 || {
        tail -n 60 "$work/last.log"
        fail "$*"
    }
}

tidy() {
    code=$?
    trap - EXIT
    if [ "$code" -ne 0 ]; then
        $compose ps || :
        $compose logs --tail 30 || :
    fi
    $compose down --volumes --timeout 10 > /dev/null 2>&1 || :
    # Nobody shall take a stand-in for the real image.
    while read -r name; do docker rmi --no-prune "$name" > /dev/null || :; done < "$names"
    : > "$names"
    exit "$code"
}
trap tidy EXIT
trap 'exit 130' INT TERM

now() { date +%s; }
began=$(now)
step() { printf '%4d s  %s\n' "$(($(now) - began))" "$*"; }
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# eventually SECONDS COMMAND...: until COMMAND succeeds.
eventually() {
    deadline=$(($(now) + $1))
    shift
    until "$@"; do
        [ "$(now)" -lt "$deadline" ] || fail "not in time: $*"
        sleep 0.5
    done
}
container() { $compose ps -a -q "$1"; }
healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$(container "$1")")" = healthy ]; }
all_healthy() { for service in control-plane envoy prometheus alertmanager grafana; do healthy "$service" || return 1; done; }
# The value of the first series that `query` finds in Prometheus.
query() {
    $compose exec -T prometheus promtool query instant http://127.0.0.1:9090 "$1" |
        sed -n 's/.* => \([^ ]*\) @.*/\1/p' | head -n 1
}
query_is() { [ "$(query "$1")" = "$2" ]; }
# Grafana's data folder, where its users, folders and dashboards live.
grafana() { $compose exec -T grafana sh -c "$1"; }
grafana_kept() { [ "$(grafana 'cat /var/lib/grafana/kept')" = "by the test" ] || fail "Grafana lost its data"; }
# send COUNT [PORT]: that many requests of test-client, one after the other; their status codes, counted.
send() {
    for _ in $(seq "$1"); do
        curl -s -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:${2:-$PROXY_PORT}/v1/models" \
            -H 'X-Client-ID: test-client' -H 'X-Token-Estimate: 1'
    done
}

step "with $($compose version | head -n 1), Engine $(docker version -f '{{.Server.Version}}')"
[ "${STAND_INS:-yes}" = no ] || tests/compose/make-stand-ins.sh

step "build"
quietly $compose build
step "up"
quietly $compose up -d
eventually 90 all_healthy
step "control plane, Envoy, Prometheus, Alertmanager and Grafana are healthy"

answers=$(send 45)
admitted=$(echo "$answers" | grep -c '^200$' || :)
refused=$(echo "$answers" | grep -c '^429$' || :)
step "45 requests of test-client, 30 a minute: $admitted times 200, $refused times 429"
[ "$((admitted + refused))" = 45 ] || fail "other answers: $(echo "$answers" | sort | uniq -c)"
echo "$answers" | head -n 30 | grep -qv '^200$' && fail "refused before the limit"
# What flowed back meanwhile: one request in two seconds.
[ "$admitted" -le 36 ] || fail "more than the limit passed"

refused_at_metrics() { query_is 'flowguard_requests_total{client_id="test-client",status="dropped"}' "$refused"; }
refused_at_envoy() { query_is 'sum(flowguard_decisions{outcome="rpm_exceeded"})' "$refused"; }
eventually 60 refused_at_metrics
eventually 60 refused_at_envoy
step "Prometheus has the $refused refusals, by the control plane and by Envoy"
query_is 'count(up == 1)' 2 || fail "a target of Prometheus is down"
curl -sf "http://127.0.0.1:$CONFIG_PORT/health" > /dev/null || fail "no REST API"
curl -sf "http://127.0.0.1:$GRAFANA_PORT/api/health" > /dev/null || fail "no Grafana"

for service in control-plane envoy prometheus alertmanager grafana mock-llm; do
    docker inspect -f '{{.Name}}: user {{.Config.User}}, read-only {{.HostConfig.ReadonlyRootfs}}, capabilities dropped {{.HostConfig.CapDrop}}, {{.HostConfig.SecurityOpt}}' "$(container "$service")"
done | sed 's|^/flowguard-compose-test|        |'

alertmanager_found() {
    $compose exec -T prometheus wget -q -O - http://127.0.0.1:9090/api/v1/alertmanagers |
        grep -q '"activeAlertmanagers":\[{"url":"http://[^"]*:9093/api/v2/alerts"'
}
eventually 60 alertmanager_found
step "Prometheus has found the Alertmanager"

# Another setting, another filter and another bound reach Envoy with the next `up`.
head_of() { curl -s -D - -o /dev/null "http://127.0.0.1:$PROXY_PORT/v1/models" -H 'X-Client-ID: demo-client' -H 'X-Token-Estimate: 1'; }
has_policy() { head_of | grep -qi '^ratelimit-policy:'; }
has_policy && fail "ratelimit-policy is there without its setting"
running=$(container envoy)
export RATE_LIMIT_HEADERS=ietf
quietly $compose up -d
eventually 30 has_policy
[ "$(container envoy)" = "$running" ] || fail "another setting made another container of Envoy"
step "another setting is in force, in the Envoy that runs"

# The emergency exit, as the README has it, and the way back.
nameless_is() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PROXY_PORT/v1/models")" = "$1" ]; }
nameless_is 400 || fail "a request without an id passes"
quietly env FLOWGUARD_MODE=pass $compose up --no-deps -d envoy-config
eventually 30 nameless_is 200
quietly $compose up -d
eventually 30 nameless_is 400
[ "$(container envoy)" = "$running" ] || fail "another mode made another container of Envoy"
step "mode pass was in force meanwhile, in the Envoy that runs"

# As Envoy says it now: what Prometheus has is some seconds old.
machines() { $compose exec -T prometheus wget -q -O - http://envoy:9902/stats/prometheus | sed -n 's/^envoy_wasm_envoy_wasm_runtime_v8_created{.*} //p'; }
created=$(machines)
image=$(docker inspect -f '{{.Config.Image}}' "$(container envoy-config)")
# A section that nobody reads makes another filter of it.
mkdir -p "$work/filter"
printf 'FROM %s\nUSER 0:0\nRUN printf "\\000\\005\\004test" >> /usr/local/share/flowguard/filter.wasm\nUSER 65532:65532\n' "$image" > "$work/filter/Dockerfile"
quietly docker build --tag "$image" "$work/filter"
quietly $compose up -d
more_machines() { [ "$(machines)" -gt "$created" ]; }
eventually 60 more_machines
[ "$(container envoy)" = "$running" ] || fail "another filter made another container of Envoy"
[ "$(send 1)" = 200 ] || fail "no request passes with the new filter"
step "another filter is in force, in the Envoy that runs"

export ENVOY_CONNECTIONS_MAX=1000
quietly $compose up -d
eventually 60 all_healthy
[ "$(container envoy)" != "$running" ] || fail "another bound of Envoy's made no other container"
[ "$(send 1)" = 200 ] || fail "no request passes after Envoy was replaced"
step "another bound of Envoy's is in force, in a new container"

grafana 'echo by the test > /var/lib/grafana/kept'
restarted=$(now)
quietly $compose restart --timeout 10
eventually 60 all_healthy
step "restarted and healthy again within $(($(now) - restarted)) s"
kept='max_over_time(flowguard_requests_total{client_id="test-client",status="dropped"}[10m])'
eventually 30 query_is "$kept" "$refused"
[ "$(send 1)" = 200 ] || fail "no request passes after the restart"
grafana_kept
step "Prometheus and Grafana kept their data, requests pass"
backup=$($compose exec -T control-plane flowguard data backup - 2> /dev/null)
echo "$backup" | tail -n 1 | grep -q '^{"end":{"clients":3,' || fail "no backup: $backup"
step "the control plane hands out its backup"

client="http://127.0.0.1:$CONFIG_PORT/api/v1/clients/kept"
curl -sf -X PUT "$client" -H 'Content-Type: application/json' -d '{"rpm":7}' > /dev/null ||
    fail "no client can be configured"
stopped=$(now)
quietly $compose down --timeout 10
took=$(($(now) - stopped))
[ "$took" -le 15 ] || fail "down took $took s"
step "down within $took s"
quietly $compose up -d
eventually 60 all_healthy
eventually 30 query_is "$kept" "$refused"
grafana_kept
curl -sf "$client" | grep -q '"rpm":7' || fail "the control plane lost a configured client"
step "up again, with new containers: control plane, Prometheus and Grafana kept their data"

# Two of each over one store: the backup moves there, and both proxies together admit what one would.
quietly $compose down --timeout 10
export STORE_URL=redis://store:6379 CONTROL_PLANES=control-plane:9095,control-plane-2:9095
one_of_each=$compose
compose="$compose --profile scale"
quietly $compose up -d store
eventually 30 healthy store
printf '%s\n' "$backup" | $compose run --rm -T --no-deps control-plane data import - > "$work/last.log" 2>&1 ||
    fail "no import: $(cat "$work/last.log")"
quietly $compose up -d
all_of_scale_healthy() { all_healthy && healthy control-plane-2 && healthy envoy-2; }
eventually 90 all_of_scale_healthy
curl -sf "http://127.0.0.1:$CONFIG_PORT_2/api/v1/clients/test-client" | grep -q '"rpm":30' ||
    fail "the second control plane has not what was imported"
admitted=$( (send 25; send 25 "$PROXY_PORT_2") | grep -c '^200$' || :)
step "50 requests of test-client through two Envoys: $admitted times 200"
[ "$admitted" -ge 25 ] && [ "$admitted" -le 40 ] || fail "two of each admit something else than one"
eventually 60 query_is 'count(up == 1)' 4
step "Prometheus watches all four"

# Every door locked, with one of each again: tokens that are made before anybody runs, and TLS by the
# certificates of an authority made here.
quietly $compose down --timeout 10
unset STORE_URL CONTROL_PLANES
compose=$one_of_each
lock=$PWD/$work/lock
rm -rf "$lock"
mkdir -p "$lock/tls"
cp -R prometheus "$lock/prometheus"
token() { $compose run --rm -T --no-deps control-plane tokens create --local --name "$1" --scopes "$2" 2> "$work/last.log"; }
printf 'authorization: Bearer %s\n' "$(token admin read,write)" > "$lock/admin"
token prometheus metrics > "$lock/prometheus/flowguard-token"
token envoy decide > "$lock/decide"
certify() {
    quietly openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$lock/tls/$1.key" -out "$lock/$1.csr"
    printf 'subjectAltName=DNS:%s\n' "$1" > "$lock/$1.names"
    quietly openssl x509 -req -days 2 -in "$lock/$1.csr" -extfile "$lock/$1.names" -out "$lock/tls/$1.crt" \
        -CA "$lock/tls/ca.crt" -CAkey "$lock/ca.key" -CAcreateserial
}
quietly openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout "$lock/ca.key" -out "$lock/tls/ca.crt"
certify control-plane
certify envoy
cp "$lock/tls/ca.crt" "$lock/prometheus/"
# The containers run as users of their own.
chmod -R a+rX "$lock"
sed -i -e 's|^    #\(authorization:\)|    scheme: https\n    tls_config: { ca_file: ca.crt }\n    \1|' \
    -e 's|^    #\(  credentials_file:\)|    \1|' "$lock/prometheus/prometheus.yml"
printf 'services: { prometheus: { volumes: ["%s:/etc/prometheus:ro"] } }\n' "$lock/prometheus" > "$lock/compose.yaml"
compose="$compose --file compose.yaml --file $lock/compose.yaml"
export ADMIN_AUTH=required DECIDE_AUTH=required DECIDE_TOKEN="$lock/decide" DECIDE_TOKEN_FILE=/run/tokens/envoy \
    TLS_FOLDER="$lock/tls" TLS_CERT_FILE=/run/tls/control-plane.crt TLS_KEY_FILE=/run/tls/control-plane.key \
    TLS_CLIENT_CA_FILE=/run/tls/ca.crt CONTROL_PLANE_CA_FILE=/run/tls/ca.crt \
    ENVOY_CERT_FILE=/run/tls/envoy.crt ENVOY_KEY_FILE=/run/tls/envoy.key
quietly $compose up -d
eventually 60 all_healthy
api() {
    curl -s -o /dev/null -w '%{http_code}' --cacert "$lock/tls/ca.crt" "$@" \
        --connect-to "control-plane:9091:127.0.0.1:$CONFIG_PORT" https://control-plane:9091/api/v1/clients
}
[ "$(api)" = 401 ] || fail "without a token the REST API answers $(api)"
[ "$(api -H "@$lock/admin")" = 200 ] || fail "with a token the REST API answers $(api -H "@$lock/admin")"
curl -s "http://127.0.0.1:$CONFIG_PORT/health" | grep -q tls_required || fail "the REST API speaks without TLS"
[ "$(send 1)" = 200 ] || fail "Envoy gets no decision through TLS"
eventually 60 query_is 'count(up == 1)' 2
step "with tokens and TLS everywhere Envoy decides, Prometheus watches, and nobody else is let in"
step "passed"
