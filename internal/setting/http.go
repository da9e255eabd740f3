package setting

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/config"
)

// HTTPConfig is how requests are sent: authorization, TLS and proxies, with the keys of Prometheus' http_config. nil means
// the defaults.
type HTTPConfig struct {
	client *config.HTTPClientConfig
	wrong  string // the error of reading it
}

// UnmarshalYAML accepts anything; Problems reports what Prometheus refuses.
func (h *HTTPConfig) UnmarshalYAML(unmarshal func(any) error) error {
	h.client = &config.HTTPClientConfig{}
	if err := unmarshal(h.client); err != nil {
		h.wrong = strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:")), " ")
		h.wrong = unknownField.ReplaceAllString(h.wrong, `unknown key "$1"`)
		h.wrong = wrongType.ReplaceAllString(h.wrong, "a text or a list where keys are expected") // which may be a secret
	}
	return nil
}

// Problems returns the errors in the settings.
func (h *HTTPConfig) Problems() []Problem {
	if h.wrong == "" {
		return nil
	}
	return []Problem{{Text: h.wrong}}
}

// unknownField and wrongType are errors of the YAML library.
var (
	unknownField = regexp.MustCompile(`(?:line \d+: )?field (\S+) not found in type \S+`)
	wrongType    = regexp.MustCompile(`(?:line \d+: )?cannot unmarshal .* into \S+`)
)

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
