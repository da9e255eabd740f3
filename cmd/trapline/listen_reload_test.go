package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"trapline/internal/peers"
)

// Traps come while reloads change the auths, the other addresses, the rate, the rules and the targets: each is counted.
func TestReloadsLoseNoTrap(t *testing.T) {
	t.Parallel()
	const reloads, most = 20, 60_000
	address, _ := peers.FreeUDPAddresses(t)
	others := []string{"127.0.84.61:18461", "127.0.84.62:18462"}
	file, web, state := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t), t.TempDir()
	write := func(i int) {
		text := fmt.Sprintf("state_dir: %s\nauths: {public_v2: {community: public}, other: {community: other%d}, strong: {version: 3, username: u%d, security_level: noAuthNoPriv}}\n", state, i, i%3)
		text += fmt.Sprintf("targets: [{name: core-%d, address: 127.0.84.70, auth: public_v2}]\nglobal: {timeout: 50ms, retries: 0, interval: 1h}\n", i%4)
		text += fmt.Sprintf("listen: {addresses: [%q, %q], auths: [public_v2, %s], allow: [127.0.84.0/24, 127.0.0.1], rate: %d}\n", address, others[i%2], []string{"other", "strong"}[i%2], 100_000+i)
		text += fmt.Sprintf("trap_rules: [{alert: Auth%d, on: authenticationFailure, expires: 1h}]\n", i%5)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(0)
	process := peers.Start(t, nil, program(t), "--config.file="+file, "--web.listen-address="+web)
	base := "http://" + web
	process.Await(t, func() bool {
		response, err := http.Get(base + "/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 84, 71)}, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	done, sent := make(chan bool), make(chan int)
	go func() {
		for n, one := range informsOf(most, 1, "1.3.6.1.6.3.1.1.5.5") {
			select {
			case <-done:
				sent <- n
				return
			case <-time.After(time.Millisecond):
				_, _ = conn.Write(one)
			}
		}
		sent <- most
	}()
	for i := range reloads {
		write(i + 1)
		response, err := http.Post(base+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusOK {
			t.Fatalf("reload %d: %s\n%s", i, response.Status, process.Output())
		}
	}
	close(done)
	await(t, base+"/metrics", fmt.Sprintf("trapline_traps_total{target=\"\",trap=\"authenticationFailure\"} %d\n", <-sent))
}
