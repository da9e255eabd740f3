package main

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/expfmt"

	"trapline/internal/series"
)

var (
	buffers sync.Pool // of *[]byte
	zippers = sync.Pool{New: func() any {
		z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one that there is
		return z
	}}
)

// maxPooled is the largest buffer that is kept for another response.
const maxPooled = 1 << 20

func encode(out io.Writer, format expfmt.Format, groups []series.Group) error {
	buffer, ok := buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	e := series.NewEncoder(out, format, *buffer)
	err := e.Encode(groups)
	if *buffer, _ = e.Close(); cap(*buffer) <= maxPooled {
		buffers.Put(buffer)
	}
	return err
}

// formats are those that series.Encoder writes, the one for whoever takes any in front.
var formats = []expfmt.Format{expfmt.FmtText, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1, expfmt.FmtProtoDelim}

// expose answers in the format and the encoding that the request asks for.
func expose(w http.ResponseWriter, r *http.Request, write func(io.Writer, expfmt.Format) error) {
	format := expfmt.NegotiateAccept(r.Header, formats...)
	w.Header().Set("Content-Type", string(format))
	zipped(w, r, func(out io.Writer) error { return write(out, format) })
}

// zipped compresses what is written, if the client takes that.
func zipped(w http.ResponseWriter, r *http.Request, write func(io.Writer) error) {
	if !acceptsGzip(r) {
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

func acceptsGzip(r *http.Request) bool {
	for _, coding := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
