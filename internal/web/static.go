package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"trapline/internal/httpserver"
)

//go:embed static
var staticFiles embed.FS

// asset is a file of static, compressed once.
type asset struct {
	media  string
	tag    string // of its content
	plain  []byte
	zipped []byte
}

// readAssets compresses the embedded files.
func readAssets() map[string]*asset {
	assets := map[string]*asset{}
	err := fs.WalkDir(staticFiles, "static", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		plain, err := staticFiles.ReadFile(file)
		if err != nil {
			return err
		}
		assets[strings.TrimPrefix(file, "static/")] = newAsset(file, plain)
		return nil
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return assets
}

func newAsset(file string, plain []byte) *asset {
	var zipped bytes.Buffer
	z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level is one that there is
	_, _ = z.Write(plain)                                      // into memory
	_ = z.Close()
	sum := sha256.Sum256(plain)
	media := mime.TypeByExtension(path.Ext(file))
	if media == "" {
		media = "text/plain; charset=utf-8"
	}
	return &asset{media: media, tag: hex.EncodeToString(sum[:6]), plain: plain, zipped: zipped.Bytes()}
}

// asset returns the URL of a file, which changes with its content.
func (s *Site) asset(name string) string {
	return s.options.Prefix + "/static/" + name + "?v=" + s.assets[name].tag
}

func (s *Site) static(w http.ResponseWriter, r *http.Request) {
	a, ok := s.assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	guardBrowser(h)
	h.Set("Content-Type", a.media)
	h.Set("ETag", `"`+a.tag+`"`)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.tag {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if httpserver.AcceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(a.zipped) // nobody is left to report to where the client went away
		return
	}
	_, _ = w.Write(a.plain)
}
