package httpserver

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

var zippers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one that there is
	return z
}}

// Zipped compresses what is written, if the client takes that.
func Zipped(w http.ResponseWriter, r *http.Request, write func(io.Writer) error) {
	if !AcceptsGzip(r) {
		_ = write(w) // where the client went away, nobody is left to report it to
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := zippers.Get().(*gzip.Writer)
	z.Reset(w)
	_ = write(z)
	_ = z.Close()
	z.Reset(nil) // the pool must not keep the client
	zippers.Put(z)
}

// AcceptsGzip says whether a client takes what is compressed.
func AcceptsGzip(r *http.Request) bool {
	for _, coding := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
