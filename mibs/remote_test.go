package mibs

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// library is a web server with MIB files that counts the requests for each.
type library struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newLibrary(t *testing.T, files map[string]string) *library {
	t.Helper()
	t.Setenv("CACHE_DIRECTORY", t.TempDir())
	l := &library{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.asked = append(l.asked, r.URL.Path)
		l.mu.Unlock()
		text, known := files[r.URL.Path]
		switch {
		case strings.HasPrefix(text, "redirect "):
			http.Redirect(w, r, strings.TrimPrefix(text, "redirect "), http.StatusFound)
		case text == "fails":
			http.Error(w, "", http.StatusInternalServerError)
		case !known:
			http.NotFound(w, r)
		default:
			_, _ = w.Write([]byte(text))
		}
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *library) requests() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.asked
	l.asked = nil
	return all
}

const (
	acmeMIB = "ACME-MIB DEFINITIONS ::= BEGIN IMPORTS acme FROM ACME-SMI OBJECT-TYPE FROM RFC-1212 lost FROM LOST-MIB; box OBJECT IDENTIFIER ::= { acme 7 } END"
	acmeSMI = "ACME-SMI DEFINITIONS ::= BEGIN IMPORTS enterprises FROM SNMPv2-SMI box FROM ACME-MIB; acme OBJECT IDENTIFIER ::= { enterprises 99999 } END"
)

// A module is fetched once, with the imports that no other source has; after that no server is needed.
func TestModulesFromAServer(t *testing.T) {
	for pattern, paths := range map[string][2]string{
		"/asn1/@mib@":         {"/asn1/ACME-MIB", "/asn1/ACME-SMI"},
		"/asn1/@mib@.txt?v=1": {"/asn1/ACME-MIB.txt", "/asn1/ACME-SMI.txt"},
		"/plain":              {"/plain/ACME-MIB", "/plain/ACME-SMI.my"},
		"/plain/":             {"/plain/ACME-MIB.mib", "/plain/ACME-SMI.txt"},
	} {
		l := newLibrary(t, map[string]string{paths[0]: acmeMIB, paths[1]: acmeSMI})
		open := func() (*Remote, []Source) {
			sources, remotes, err := OpenAll(l.URL + pattern)
			if err != nil {
				t.Fatal(err)
			}
			return remotes[0], sources
		}
		r, sources := open()
		if _, err := Load([]string{"ACME-MIB"}, sources...); err == nil {
			t.Error("a module that was not fetched is loaded")
		}
		if len(l.requests()) > 0 {
			t.Error("the server is asked by reading")
		}
		if found, err := r.Fetch("ACME-MIB", sources...); !found || err != nil {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		asked := l.requests()
		if !slices.Contains(asked, paths[0]) || !slices.Contains(asked, paths[1]) || slices.ContainsFunc(asked, func(p string) bool { return strings.Contains(p, "SNMPv2-SMI") || strings.Contains(p, "RFC-1212") }) {
			t.Errorf("%s: asked for %q", pattern, asked)
		}
		l.Close()
		r, sources = open()
		if found, err := r.Fetch("ACME-MIB", sources...); !found || err != nil {
			t.Errorf("%s, from the cache: %v, %v", pattern, found, err)
		}
		tree, err := LoadAll(sources...)
		if err != nil {
			t.Fatal(err)
		}
		if i, err := tree.Resolve("ACME-MIB::box"); err != nil || i.OID().String() != "1.3.6.1.4.1.99999.7" {
			t.Errorf("%s: %v, %v", pattern, i, err)
		}
		if !slices.Equal(r.Names(), []string{"ACME-MIB", "ACME-SMI"}) || !slices.Equal(r.Mentioning("acme"), r.Names()) {
			t.Errorf("in the cache: %q, with acme: %q", r.Names(), r.Mentioning("acme"))
		}
		if found, err := r.Fetch("OTHER-MIB", sources...); found || err == nil || !strings.Contains(err.Error(), "connection refused; it is not in the cache "+r.dir+" either") {
			t.Errorf("without the server: %v, %v", found, err)
		}
	}
}

// Responses of a server are bounded, and only requested modules are stored; a module that cannot be had whole is not
// stored at all.
func TestServersThatMisbehave(t *testing.T) {
	huge := "HUGE-MIB DEFINITIONS ::= BEGIN END " + strings.Repeat("-", maxRemoteFile)
	files := map[string]string{
		"/HUGE-MIB": huge, "/ERROR-MIB": "fails", "/PAGE-MIB": "<html>ERROR-MIB DEFINITIONS ::= BEGIN END</html>",
		"/ROUND-MIB": "redirect /ROUND-MIB", "/FILE-MIB": "redirect file:///etc/passwd",
		"/HALF-MIB": "HALF-MIB DEFINITIONS ::= BEGIN IMPORTS a FROM ERROR-MIB; END",
	}
	chain := func(i int) string { return fmt.Sprintf("CHAIN-%d-MIB", i) }
	for i := range maxRemoteModules + 2 {
		files["/"+chain(i)] = chain(i) + " DEFINITIONS ::= BEGIN IMPORTS a FROM " + chain(i+1) + "; END"
	}
	l := newLibrary(t, files)
	r, err := OpenURL(l.URL + "/@mib@")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"HUGE-MIB":  "MIB module HUGE-MIB: " + l.URL + "/HUGE-MIB: the file is larger than 8 MB",
		"ERROR-MIB": "MIB module ERROR-MIB: " + l.URL + "/ERROR-MIB answers 500 Internal Server Error",
		"HALF-MIB":  "MIB module ERROR-MIB, which HALF-MIB needs: " + l.URL + "/ERROR-MIB answers 500 Internal Server Error",
		"ROUND-MIB": "MIB module ROUND-MIB: " + l.URL + "/ROUND-MIB: more than 5 redirections; it is not in the cache " + r.dir + " either",
		"FILE-MIB":  "MIB module FILE-MIB: " + l.URL + "/FILE-MIB: redirected to file:///etc/passwd; it is not in the cache " + r.dir + " either",
		chain(0):    "MIB module CHAIN-0-MIB imports more than 500 modules or 64 MB from " + l.URL + "/@mib@",
		"PAGE-MIB":  "", "../HUGE-MIB": "", "": "", ".": "", strings.Repeat("A", 200): "",
	} {
		found, err := r.Fetch(name)
		if found || (want == "") != (err == nil) || err != nil && err.Error() != want {
			t.Errorf("%.40s: %v, %v, want %s", name, found, err, want)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(os.Getenv("CACHE_DIRECTORY"), "mibs", "*", "*")); len(files) > 0 {
		t.Errorf("stored: %q", files)
	}
}

func TestURLsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"http://":                      `MIB directory "http://" is not a URL: write one such as https://HOST/mibs or https://HOST/asn1/@mib@`,
		"https://me:secret@host/@mib@": "MIB directory https://me:xxxxx@host/@mib@: a URL of MIBs has no user and password",
		"http://host:x/":               `MIB directory "http://host:x/" is not a URL: write one such as https://HOST/mibs or https://HOST/asn1/@mib@`,
	} {
		if _, _, err := OpenAll(text); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
