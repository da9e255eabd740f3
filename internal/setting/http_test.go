package setting

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// The credentials of a file beside the configuration reach the receiver, and no output has those of the configuration.
func TestHTTPConfigAuthorizes(t *testing.T) {
	got := ""
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer server.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"{authorization: {credentials_file: token}}":           "Bearer hunter2",
		"{basic_auth: {username: me, password: hunter2}}":      "Basic bWU6aHVudGVyMg==",
		"{authorization: {type: Token, credentials: hunter2}}": "Token hunter2",
	} {
		var s struct {
			HTTP *HTTPConfig `yaml:"http_config"`
		}
		if err := yaml.Unmarshal([]byte("http_config: "+text), &s); err != nil {
			t.Fatal(err)
		}
		s.HTTP.SetDirectory(dir)
		client, err := s.HTTP.Client("chat", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		if shown, err := yaml.Marshal(s); err != nil || strings.Contains(string(shown), "hunter2") {
			t.Errorf("%s, %v", shown, err)
		}
	}
}
