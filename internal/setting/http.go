package setting

import (
	"net/http"
	"time"

	"github.com/prometheus/common/config"
)

// HTTPConfig is how requests are sent: authorization, TLS and proxies, with the keys of Prometheus' http_config. nil means
// the defaults.
type HTTPConfig struct{ client *config.HTTPClientConfig }

// UnmarshalYAML refuses what Prometheus refuses.
func (h *HTTPConfig) UnmarshalYAML(unmarshal func(any) error) error {
	h.client = &config.HTTPClientConfig{}
	return unmarshal(h.client)
}

// MarshalYAML returns the settings, without their secrets.
func (h *HTTPConfig) MarshalYAML() (any, error) { return h.client, nil }

// SetDirectory makes the names of files relative to a directory.
func (h *HTTPConfig) SetDirectory(dir string) {
	if h != nil && h.client != nil {
		h.client.SetDirectory(dir)
	}
}

// Client returns a client. Each request may take so long.
func (h *HTTPConfig) Client(name string, timeout time.Duration) (*http.Client, error) {
	if h == nil || h.client == nil {
		return &http.Client{Timeout: timeout}, nil
	}
	client, err := config.NewClientFromConfig(*h.client, name)
	if err != nil {
		return nil, err
	}
	client.Timeout = timeout
	return client, nil
}
