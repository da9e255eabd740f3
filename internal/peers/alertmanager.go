package peers

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// Alertmanager is a running Alertmanager.
type Alertmanager struct {
	Process *Process
	URL     string
}

// StartAlertmanager runs a single Alertmanager with the given configuration and waits until it is
// ready.
func StartAlertmanager(t testing.TB, config string) *Alertmanager {
	t.Helper()
	return StartAlertmanagerAt(t, FreeTCPAddress(t), config)
}

// StartAlertmanagerAt is StartAlertmanager at an address that others know already.
func StartAlertmanagerAt(t testing.TB, address, config string) *Alertmanager {
	t.Helper()
	path := Require(t, "prometheus-alertmanager", "prometheus-alertmanager")
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &Alertmanager{URL: "http://" + address}
	a.Process = Start(t, nil, path, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--cluster.listen-address=")
	a.Process.Await(t, func() bool {
		response, err := http.Get(a.URL + "/-/ready")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return a
}
