package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"trapline/internal/corpus"
	"trapline/internal/peers"
)

// BenchmarkReady starts `trapline serve` with snmp_exporter's configuration of 53 modules, up to the
// first answer of /-/ready.
func BenchmarkReady(b *testing.B) {
	file, binary := filepath.Join(b.TempDir(), "snmp.yml"), program(b)
	if err := os.WriteFile(file, []byte(corpus.Text(b, filepath.Join(corpus.Large(b, "conformance"), "snmp_exporter.yml"))), 0o600); err != nil {
		b.Fatal(err)
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
