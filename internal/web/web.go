// Package web renders the pages that a person sees: server-side HTML over the answers of internal/api. Every page
// is complete without JavaScript; with it, lists fetch themselves again and are swapped in place.
package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/httpserver"
	"trapline/internal/human"
)

// Options are the sources of a Site and its place among paths.
type Options struct {
	Source    Source
	Prefix    string           // in front of every path, such as /trapline; "" for none
	Telemetry string           // path of the metrics
	Now       func() time.Time // nil is time.Now
}

// Site serves the pages. Its methods may be called concurrently.
type Site struct {
	options Options
	source  Source
	pages   map[string]*page
	assets  map[string]*asset
}

// page guards the browser and turns errors into pages.
func (s *Site) page(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		guardBrowser(w.Header())
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// policy lets a page load and send nothing but from and to its own origin, and run nothing that lies in the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func guardBrowser(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

// view is the data of a template.
type view struct {
	Title   string
	Key     string // of the entry of the navigation
	Status  *api.Status
	URL     string // of the page itself, to fetch it again
	Metrics string
	Notice  string // the effect of a request
	Failed  string // the error of a request
	Hint    string // the remedy
	Locked  string // why buttons that act are off; "" if they are on
	Unlock  string // the remedy
	Data    any
}

// view returns the data that every page has.
func (s *Site) view(r *http.Request, key, title string, data any) *view {
	status := s.source.Process.Status()
	v := &view{
		Title: title, Key: key, Status: &status,
		URL: s.options.Prefix + r.URL.RequestURI(), Metrics: s.options.Telemetry, Data: data,
	}
	v.Locked, v.Unlock = explained(s.source.Process.Locked(r))
	return v
}

// explained splits an error into its text and its remedy.
func explained(err error) (text, hint string) {
	if err == nil {
		return "", ""
	}
	var hinted *api.Hinted
	if errors.As(err, &hinted) {
		hint = hinted.Hint
	}
	return err.Error(), hint
}

// show renders a page. A browser that has it as it is gets no second copy.
func (s *Site) show(w http.ResponseWriter, r *http.Request, name string, v *view) error {
	return s.answer(w, r, http.StatusOK, name, v)
}

func (s *Site) answer(w http.ResponseWriter, r *http.Request, status int, name string, v *view) error {
	var text bytes.Buffer
	if err := s.pages[name].execute(&text, v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	body := human.VisiblePage(text.Bytes())
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if status == http.StatusOK && r.Method == http.MethodGet {
		sum := sha256.Sum256(body)
		tag := `W/"` + hex.EncodeToString(sum[:12]) + `"`
		h.Set("ETag", tag)
		if strings.Contains(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if status != http.StatusOK {
		w.WriteHeader(status)
	}
	httpserver.Zipped(w, r, func(out io.Writer) error {
		_, err := out.Write(body)
		return err
	})
	return nil
}

// fail answers with the page of an error.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, failure error) {
	v := s.view(r, "", "Error", nil)
	v.Failed, v.Hint = explained(failure)
	if err := s.answer(w, r, api.HTTPStatus(failure), "error", v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// path joins segments to a path of the site.
func (s *Site) path(segments ...string) string {
	var b strings.Builder
	b.WriteString(s.options.Prefix)
	for _, segment := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(segment))
	}
	return b.String()
}

// page is a template within the frame that all pages share.
type page struct{ template *template.Template }

func (p *page) execute(w io.Writer, v *view) error { return p.template.ExecuteTemplate(w, "frame", v) }

// link is a path of the site that an answer of the API names, with the prefix.
func (s *Site) link(path string) string { return s.options.Prefix + path }

// handler renders a page or has something done. Its error becomes a page.
type handler func(w http.ResponseWriter, r *http.Request) error
