# Ends an Envoy without ending anybody's request: preStop of the pod, in bash.
#
# Clients and load balancers are told to go elsewhere, by `connection: close` and GOAWAY, while new
# requests are still served: for DRAIN_SECONDS, until nobody is sent here any more, and then until no
# request is under way. What takes longer than the pod's grace period is cut off by Kubernetes.
set -eu
port=${ENVOY_ADMIN_PORT:-9901}

# admin METHOD PATH: the answer of Envoy's admin port; the image has no HTTP client.
admin() {
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return
    printf '%s %s HTTP/1.1\r\nHost: envoy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n' "$1" "$2" >&3
    cat <&3
    exec 3<&-
}

under_way() {
    admin GET '/stats?filter=^http[.]proxy[.]downstream_rq_active$' |
        sed -n 's/^http\.proxy\.downstream_rq_active: \([0-9]*\).*/\1/p'
}

admin POST '/drain_listeners?graceful&skip_exit' > /dev/null
while [ "$SECONDS" -lt "$DRAIN_SECONDS" ] || [ "$(under_way)" -gt 0 ]; do
    sleep 0.5
done
# The filter tells the control plane what the last request used.
sleep 0.5
