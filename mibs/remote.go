package mibs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"trapline/mibs/smi"
)

// Remote are MIB files on a web server, each with one module. A fetched file stays in a cache directory and is read
// from there, without the server, until it is deleted. It is safe for concurrent use, also by several processes.
type Remote struct {
	pattern string // the URL of a module, with @mib@ in the place of its name
	exact   bool   // the user wrote @mib@; else the usual endings of names are tried
	dir     string // of the cache
	client  *http.Client
}

// Limits of the memory and the time that a server can take.
const (
	maxRemoteFile    = 8 << 20          // octets
	maxRemoteTotal   = 64 << 20         // of a module with all that it imports
	maxRemoteModules = 500              // likewise
	remoteTimeout    = 10 * time.Second // of each file
	remoteTotalTime  = time.Minute      // of a module with all that it imports
	maxRedirects     = 5
)

// nameMark stands for the name of a module in a URL.
const nameMark = "@mib@"

// IsURL reports whether a MIB directory is one on a web server.
func IsURL(dir string) bool {
	return strings.HasPrefix(dir, "http://") || strings.HasPrefix(dir, "https://")
}

// OpenURL returns the MIB files below a URL, or at one that has @mib@ in the place of the module's name. It sends
// nothing. The cache lies below CacheDir.
func OpenURL(text string) (*Remote, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || !IsURL(text):
		return nil, fmt.Errorf("MIB directory %q is not a URL: write one such as https://HOST/mibs or https://HOST/asn1/%s", text, nameMark)
	case u.User != nil:
		return nil, fmt.Errorf("MIB directory %s: a URL of MIBs has no user and password", u.Redacted())
	}
	cache, err := CacheDir()
	if err != nil {
		return nil, fmt.Errorf("MIB directory %s: %w", text, err)
	}
	r := &Remote{pattern: text, exact: strings.Contains(text, nameMark)}
	if !r.exact {
		r.pattern = strings.TrimRight(text, "/") + "/" + nameMark
	}
	r.dir = filepath.Join(cache, fmt.Sprintf("%s-%.8x", strings.NewReplacer(":", "_", "[", "", "]", "").Replace(u.Host), sha256.Sum256([]byte(r.pattern))))
	r.client = &http.Client{Timeout: remoteTimeout, CheckRedirect: checkRedirect}
	return r, nil
}

// OpenAll opens directories of MIB files and URLs of such. The sources are the directories, then the built-in
// modules, then the files fetched from the URLs.
func OpenAll(dirs ...string) (sources []Source, remotes []*Remote, err error) {
	var local []string
	for _, dir := range dirs {
		if !IsURL(dir) {
			local = append(local, dir)
			continue
		}
		r, err := OpenURL(dir)
		if err != nil {
			return nil, nil, err
		}
		remotes = append(remotes, r)
	}
	if len(local) > 0 {
		d, err := OpenDirectories(local...)
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, d)
	}
	sources = append(sources, Embedded())
	for _, r := range remotes {
		sources = append(sources, r)
	}
	return sources, remotes, nil
}

// CacheDir is the directory for MIBs that were fetched: mibs in $CACHE_DIRECTORY, which systemd sets, or in
// trapline in the user's directory for caches.
func CacheDir() (string, error) {
	if dir := os.Getenv("CACHE_DIRECTORY"); dir != "" {
		return filepath.Join(dir, "mibs"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", errors.New("there is no directory for the files that are fetched: set CACHE_DIRECTORY")
	}
	return filepath.Join(dir, "trapline", "mibs"), nil
}

// checkRedirect follows a few redirections, but none from https to http.
func checkRedirect(next *http.Request, before []*http.Request) error {
	switch {
	case len(before) > maxRedirects:
		return fmt.Errorf("more than %d redirections", maxRedirects)
	case next.URL.Scheme != "https" && before[0].URL.Scheme == "https", !IsURL(next.URL.String()):
		return fmt.Errorf("redirected to %s", next.URL.Redacted())
	}
	return nil
}

// Names returns the names of the modules in the cache, sorted.
func (r *Remote) Names() []string {
	entries, _ := os.ReadDir(r.dir) // none before anything was fetched
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() && isModuleName(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names
}

// Mentioning returns the modules in the cache that contain the name.
func (r *Remote) Mentioning(name string) (modules []string) {
	var buffer bytes.Buffer
	for _, module := range r.Names() {
		if readInto(&buffer, filepath.Join(r.dir, module)) == nil && bytes.Contains(buffer.Bytes(), []byte(name)) {
			modules = append(modules, module)
		}
	}
	return modules
}

func (r *Remote) open() reader { return &remoteReader{remote: r} }

// remoteReader reads the cache.
type remoteReader struct {
	remote *Remote
	buffer bytes.Buffer
	parser smi.Parser
}

func (r *remoteReader) read(name string) (*smi.Module, []smi.Diagnostic, error) {
	if !isModuleName(name) {
		return nil, nil, nil
	}
	path := filepath.Join(r.remote.dir, name)
	if err := readInto(&r.buffer, path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	modules, diagnostics := r.parser.Parse(path, r.buffer.String())
	for _, m := range modules {
		if m.Name == name {
			return m, diagnostics, nil
		}
	}
	return nil, diagnostics, nil
}

// isModuleName reports whether a name is one that a file of the cache may have.
func isModuleName(name string) bool {
	const maxName = 128
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

// Fetch puts a module into the cache, with all modules that it imports and that the other sources do not have. It
// reports whether the server has the module, or the cache had it already. Only if all of them came, or the server
// says that it has not got them, anything is stored: who finds a module in the cache finds its imports there.
func (r *Remote) Fetch(name string, others ...Source) (bool, error) {
	if !isModuleName(name) {
		return false, nil
	}
	known := map[string]bool{}
	for _, s := range append(others, r) {
		for _, n := range s.Names() {
			known[n] = true
		}
	}
	if known[name] {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), remoteTotalTime)
	defer cancel()
	fetched, total := map[string][]byte{}, 0
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		next := queue[0]
		if known[next] || base[next] || !isModuleName(next) {
			continue
		}
		known[next] = true
		text, err := r.get(ctx, next)
		if err == nil {
			total += len(text)
		}
		switch {
		case err != nil && next != name:
			return false, fmt.Errorf("MIB module %s, which %s needs: %w", next, name, err)
		case err != nil:
			return false, fmt.Errorf("MIB module %s: %w", name, err)
		case text == nil && next == name:
			return false, nil
		case len(fetched) == maxRemoteModules || total > maxRemoteTotal:
			return false, fmt.Errorf("MIB module %s imports more than %d modules or %d MB from %s", name, maxRemoteModules, maxRemoteTotal>>20, r.pattern)
		case text != nil:
			fetched[next] = text
			queue = append(queue, importsOf(text)...)
		}
	}
	return true, r.store(fetched)
}

// importsOf returns the names of the modules that those in a text import from.
func importsOf(text []byte) (names []string) {
	modules, _ := new(smi.Parser).Parse("", string(text))
	for _, m := range modules {
		for _, i := range m.Imports {
			if !slices.Contains(names, i.Module) {
				names = append(names, i.Module)
			}
		}
	}
	return names
}

// get asks the server for a module. Without an error, no text means that it has no such module.
func (r *Remote) get(ctx context.Context, name string) ([]byte, error) {
	endings := []string{""}
	if !r.exact {
		endings = []string{"", ".txt", ".mib", ".my"}
	}
	for _, ending := range endings {
		text, err := r.request(ctx, strings.ReplaceAll(r.pattern, nameMark, name)+ending)
		if err != nil {
			return nil, err
		}
		if slices.Contains(smi.ModuleNames(text), name) {
			return text, nil
		}
	}
	return nil, nil
}

// request asks for a file. Without an error, no text means that there is none.
func (r *Remote) request(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, fmt.Errorf("%s: %w; it is not in the cache %s either", address, err, r.dir)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, nil
	default:
		return nil, fmt.Errorf("%s answers %s", address, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRemoteFile+1))
	if err == nil && len(text) > maxRemoteFile {
		err = fmt.Errorf("the file is larger than %d MB", maxRemoteFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return text, nil
}

// store writes files of the cache, each at once.
func (r *Remote) store(files map[string][]byte) error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return fmt.Errorf("the cache of MIBs: %w: set CACHE_DIRECTORY to a directory that can be written", err)
	}
	for name, text := range files {
		f, err := os.CreateTemp(r.dir, ".fetched-*")
		if err != nil {
			return fmt.Errorf("the cache of MIBs: %w", err)
		}
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
		if err == nil {
			err = os.Rename(f.Name(), filepath.Join(r.dir, name))
		}
		if err != nil {
			_ = os.Remove(f.Name())
			return fmt.Errorf("the cache of MIBs: %w", err)
		}
	}
	return nil
}
