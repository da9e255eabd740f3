package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"trapline/internal/peers"
)

// BenchmarkReady starts `trapline serve` with snmp_exporter's configuration of 53 modules, up to the
// first answer of /-/ready.
func BenchmarkReady(b *testing.B) {
	dir := b.TempDir()
	file, binary := filepath.Join(dir, "snmp.yml"), filepath.Join(dir, "trapline")
	if err := os.WriteFile(file, []byte(peers.Gunzip(b, peers.Shared(b, "conformance/snmp_exporter.yml.gz"))), 0o600); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-tags", "gosnmp_nodebug", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	address := peers.FreeTCPAddress(b)
	for b.Loop() {
		c := exec.Command(binary, "--config.file="+file, "--web.listen-address="+address, "--log.level=error")
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		for {
			if response, err := http.Get("http://" + address + "/-/ready"); err == nil {
				response.Body.Close()
				break
			}
		}
		b.StopTimer()
		_ = c.Process.Kill()
		_ = c.Wait()
		http.DefaultClient.CloseIdleConnections()
		b.StartTimer()
	}
}
