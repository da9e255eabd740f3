package setting

import (
	"net/http"
	"time"

	"github.com/prometheus/common/config"
)

// HTTPConfig is how requests are sent: authorization, TLS and proxies, with the keys of Prometheus' http_config. nil means
// the defaults.
type HTTPConfig struct {
	Foreign[config.HTTPClientConfig]
}

// SetDirectory makes the names of files relative to a directory.
func (h *HTTPConfig) SetDirectory(dir string) {
	if h != nil {
		h.Value.SetDirectory(dir)
	}
}

// Client returns a client. Each request may take so long.
func (h *HTTPConfig) Client(name string, timeout time.Duration) (*http.Client, error) {
	if h == nil {
		return &http.Client{Timeout: timeout}, nil
	}
	client, err := config.NewClientFromConfig(h.Value, name)
	if err != nil {
		return nil, err
	}
	client.Timeout = timeout
	return client, nil
}
