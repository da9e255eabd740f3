package peers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Prometheus is a running Prometheus server.
type Prometheus struct {
	Process *Process
	URL     string
}

// StartPrometheus runs a Prometheus with the given configuration and flags, and waits until it is
// ready.
func StartPrometheus(t testing.TB, config string, flags ...string) *Prometheus {
	t.Helper()
	path := Require(t, "prometheus", "prometheus")
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := FreeTCPAddress(t)
	p := &Prometheus{URL: "http://" + address}
	flags = append(flags, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	p.Process = Start(t, nil, path, flags...)
	p.Process.Await(t, func() bool {
		response, err := http.Get(p.URL + "/-/ready")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return p
}

// Reload makes Prometheus reload its configuration and rules.
func (p *Prometheus) Reload() { _ = p.Process.command.Process.Signal(syscall.SIGHUP) }

// Sample is an element of an instant vector.
type Sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"` // time in seconds, value as text
}

// Query evaluates an expression at the current time and returns its vector.
func (p *Prometheus) Query(expression string) ([]Sample, error) {
	response, err := http.Get(p.URL + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Result []Sample `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", expression, answer.Error)
	}
	return answer.Data.Result, nil
}
