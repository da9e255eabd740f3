package app

import (
	"io"
	"net/http"
	"sync"

	"github.com/prometheus/common/expfmt"

	"trapline/internal/httpserver"
	"trapline/internal/series"
)

var buffers sync.Pool // of *[]byte

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
	httpserver.Zipped(w, r, func(out io.Writer) error { return write(out, format) })
}
