ARG GO=golang:1.26
FROM ${GO} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -tags gosnmp_nodebug -ldflags '-s -w' -o /out/trapline ./cmd/trapline \
 && mkdir -m 0700 /out/state /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/trapline /bin/trapline
COPY --from=build --chown=65532:65532 /out/state /var/lib/trapline
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY snmp.yml /etc/trapline/snmp.yml
COPY rules/*.yml /etc/trapline/rules/
USER 65532:65532
VOLUME /var/lib/trapline
WORKDIR /var/lib/trapline
EXPOSE 9116
ENTRYPOINT ["/bin/trapline"]
CMD ["serve", "--config.file=/etc/trapline/snmp.yml"]
