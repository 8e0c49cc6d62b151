# Whether this Envoy serves, in bash: the image has no HTTP client.
exec 3<>"/dev/tcp/127.0.0.1/$ENVOY_ADMIN_PORT" &&
    printf 'GET /ready HTTP/1.1\r\nHost: envoy\r\nConnection: close\r\n\r\n' >&3 &&
    grep -q LIVE <&3
