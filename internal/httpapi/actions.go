package httpapi

import (
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"trapline/internal/api"
	"trapline/internal/httpserver"
)

// The values of --web.actions.
const (
	ActionsAuto = "auto"
	ActionsOn   = "on"
	ActionsOff  = "off"
)

// Guard decides whose requests may have something done, such as a poll, a walk or a reload.
type Guard struct {
	Mode     string                   // ActionsAuto, ActionsOn or ActionsOff; empty means ActionsAuto
	Trusted  func(*http.Request) bool // with ActionsAuto: whether not just anybody can send such a request
	External *url.URL                 // where clients see this server; nil if that is not known
	Hostname string                   // of this machine
}

// Locked returns ErrLocked with a remedy if requests of the connection of r must not act.
func (g *Guard) Locked(r *http.Request) error {
	switch g.Mode {
	case ActionsOn:
		return nil
	case ActionsOff:
		return api.WithHint(api.ErrLocked, "Trapline runs with --web.actions=off: start it with auto or on")
	}
	if g.Trusted != nil && g.Trusted(r) {
		return nil
	}
	return api.WithHint(api.ErrLocked, "Anybody who reaches this address could act: set basic_auth_users or client certificates in --web.config.file, listen on 127.0.0.1, or start Trapline with --web.actions=on")
}

// Check returns why a request may not have something done, or nil: actions are locked, it came by a name that is
// not this server's (DNS rebinding), from a page of another origin, or with a body of a type that pages of others
// can send.
func (g *Guard) Check(r *http.Request) error {
	if err := g.Locked(r); err != nil {
		return err
	}
	if err := g.checkPage(r); err != nil {
		return err
	}
	return checkBody(r)
}

// CheckBrowser returns why a request may not change anything if a browser sends it, or nil: it came by a name that is
// not this server's, or from a page of another origin. It is for paths that programs call too, by any name of
// this machine: only browsers follow names of others (DNS rebinding), and these send Origin with every POST, also where
// they leave out Sec-Fetch-Site because the page is not encrypted.
func (g *Guard) CheckBrowser(r *http.Request) error {
	if r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		return nil
	}
	return g.checkPage(r)
}

// checkPage returns ErrLocked if a page that is not this server's may have sent r.
func (g *Guard) checkPage(r *http.Request) error {
	if !g.knows(r.Host) {
		return api.WithHint(forbidden(fmt.Sprintf("the host %q is no name of this server", r.Host)),
			"Use its IP address, localhost or its host name, or start Trapline with --web.external-url")
	}
	protection := http.NewCrossOriginProtection()
	if g.External != nil {
		_ = protection.AddTrustedOrigin(g.External.Scheme + "://" + g.External.Host) // which is checked when it is read
	}
	if protection.Check(r) != nil {
		return api.WithHint(forbidden(r.Method+" from a web page of another origin is refused (Sec-Fetch-Site, Origin)"),
			"Send it from a page of this server, or from a program that is no browser")
	}
	return nil
}

// forbidden is an ErrLocked with a text of its own.
type forbidden string

func (f forbidden) Error() string { return string(f) }

func (f forbidden) Is(target error) bool { return target == api.ErrLocked }

// knows reports whether a Host header names this server: an attacker can have names of his own lead here, but no
// others.
func (g *Guard) knows(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" {
		return true
	}
	own := strings.ToLower(g.Hostname)
	short, _, _ := strings.Cut(own, ".")
	external := g.External != nil && name == strings.ToLower(g.External.Hostname())
	return name != "" && (name == own || name == short || external)
}

func checkBody(r *http.Request) error {
	header := r.Header.Get("Content-Type")
	if header == "" && r.ContentLength == 0 {
		return nil
	}
	media, _, err := mime.ParseMediaType(header)
	if err == nil && (media == "application/json" || media == "application/x-www-form-urlencoded") {
		return nil
	}
	return api.WithHint(fmt.Errorf("%w %q", api.ErrMediaType, header), "Send JSON with the header Content-Type: application/json")
}

// Locked returns why actions are locked for the sender of r, or nil. Pages show a lock then.
func (a *API) Locked(r *http.Request) error { return a.options.Guard.Locked(r) }

// Admit returns why r must not act, or nil, and logs the request with its sender. Handlers of forms call
// it before anything else.
func (a *API) Admit(r *http.Request) error {
	if err := a.options.Guard.Check(r); err != nil {
		return err
	}
	if a.options.Logger != nil {
		a.options.Logger.LogAttrs(r.Context(), slog.LevelInfo, "action requested",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), httpserver.Requester(r))
	}
	return nil
}
