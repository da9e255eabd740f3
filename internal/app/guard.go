package app

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"trapline/internal/httpapi"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

// plainPath matches paths that stand for themselves in a URL, in HTML and in a pattern of http.ServeMux.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// newGuard decides whose requests may have something done.
func newGuard(o *Options) (httpapi.Guard, error) {
	external, err := externalURL(o.ExternalURL)
	if err != nil {
		return httpapi.Guard{}, err
	}
	for _, prefix := range []string{routePrefix(o.RoutePrefix, external), outsidePrefix(o.RoutePrefix, external)} {
		if !plainPath.MatchString(prefix) || path.Clean("/"+prefix) != "/"+strings.TrimPrefix(prefix, "/") {
			return httpapi.Guard{}, fmt.Errorf("--web.route-prefix, --web.external-url: %q is no path of letters, digits, and . _ ~ -: write one such as /trapline", prefix)
		}
	}
	hostname, _ := os.Hostname() // without one, its name is none that is known
	listeners, login := &listeners{flags: o.Web}, &login{file: *o.Web.WebConfigFile}
	return httpapi.Guard{Mode: o.Actions, External: external, Hostname: hostname, Trusted: func(r *http.Request) bool {
		return listeners.local(r) || login.required(r)
	}}, nil
}

// listeners distinguish connections that only this machine can make.
type listeners struct {
	flags *web.FlagConfig
}

// local reports whether a request came by a listener on a loopback address, and not by one that hears others too.
func (l *listeners) local(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !at.IP.IsLoopback() || l.flags.WebSystemdSocket != nil && *l.flags.WebSystemdSocket {
		return false
	}
	local := false
	for _, address := range *l.flags.WebListenAddresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return false
		}
		switch ip, err := netip.ParseAddr(host); {
		case port != fmt.Sprint(at.Port) && port != "0":
		case host == "localhost" || err == nil && ip.Unmap().IsLoopback():
			local = true
		default:
			return false
		}
	}
	return local
}

// login reports whether the sender of a request is authenticated, by the file of --web.config.file. It is read
// again when it has changed, as the server does.
type login struct {
	file string

	mu    sync.Mutex
	read  time.Time // its time of modification when it was read
	users bool
}

// required reports whether a request would not have come this far without a password, or came with a certificate
// that was verified.
func (l *login) required(r *http.Request) bool {
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return true
	}
	if l.file == "" {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := os.Stat(l.file)
	if err != nil {
		return false
	}
	if !info.ModTime().Equal(l.read) {
		text, err := os.ReadFile(l.file)
		var c web.Config
		l.users = err == nil && yaml.Unmarshal(text, &c) == nil && len(c.Users) > 0
		l.read = info.ModTime()
	}
	return l.users
}

// externalURL reads --web.external-url; without one it is nil.
func externalURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--web.external-url: %q is no URL: write it as in https://trapline.example.com/snmp", text)
	}
	u.Path = strings.TrimSuffix("/"+strings.Trim(u.Path, "/"), "/")
	return u, nil
}

// routePrefix returns the prefix of all paths, empty or as in /snmp: --web.route-prefix, or
// without it the path of the external URL.
func routePrefix(flag string, external *url.URL) string {
	path := ""
	if external != nil {
		path = external.Path
	}
	return strings.TrimSuffix("/"+strings.Trim(cmp.Or(flag, path), "/"), "/")
}

// outsidePrefix returns the prefix of paths in links: that of the external URL, from which a proxy may take it off.
func outsidePrefix(flag string, external *url.URL) string {
	if external != nil {
		return external.Path
	}
	return routePrefix(flag, nil)
}

// prefixed serves h below a prefix, and leads there from the root.
func prefixed(prefix string, h http.Handler) http.Handler {
	if prefix == "" {
		return h
	}
	mux := http.NewServeMux()
	mux.Handle(prefix+"/", http.StripPrefix(prefix, h))
	mux.Handle("/{$}", http.RedirectHandler(prefix+"/", http.StatusFound))
	return mux
}
