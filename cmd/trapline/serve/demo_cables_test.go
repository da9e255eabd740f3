package serve

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline"
)

// The demo takes the next port where something listens at the default one, at all addresses or at that of the loopback.
func TestDemoTakesAFreePort(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "9116"))
		if err == nil { // else something listens there already
			defer l.Close()
		}
		addresses := []string{defaultListen}
		if err := freeWebAddress(&addresses); err != nil {
			t.Fatal(err)
		}
		if !free(addresses[0]) || strings.HasSuffix(addresses[0], ":9116") {
			t.Errorf("beside a listener at %q:9116 the demo takes %s", address, addresses[0])
		}
	}
	chosen := []string{"127.0.0.1:9116"}
	if err := freeWebAddress(&chosen); err != nil || chosen[0] != "127.0.0.1:9116" {
		t.Errorf("an address of a flag becomes %s, %v", chosen, err)
	}
}

// The demo names the cables that its switches pull.
func TestDemoPullsCables(t *testing.T) {
	seen := map[string]int{}
	for i := range 3 * demoSwitches * demoUplinks {
		seen[pulled(i)]++
		var n, uplink int
		if _, err := fmt.Sscanf(pulled(i), "switch-%d Te1/1/%d", &n, &uplink); err != nil || n < 1 || n > demoSwitches || uplink < 1 || uplink > demoUplinks {
			t.Fatalf("cable %q: %v", pulled(i), err)
		}
	}
	if len(seen) != demoSwitches*demoUplinks {
		t.Errorf("%d cables are pulled: %v", len(seen), seen)
	}
}

func TestDemoRules(t *testing.T) {
	dir := t.TempDir()
	if err := writeDemoRules(dir); err != nil {
		t.Fatal(err)
	}
	different := 0
	for _, name := range []string{"rules/interfaces.yml", "rules/device.yml"} {
		shipped, err := trapline.Rules.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		copied, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		was, is := strings.Split(string(shipped), "\n"), strings.Split(string(copied), "\n")
		for i := range min(len(was), len(is)) {
			if was[i] != is[i] {
				different++
			}
		}
	}
	if different != 1 {
		t.Errorf("%d lines of the rules differ from those that ship: want one, the time of InterfaceDown", different)
	}
}
