package httpserver

import (
	"io"
	"net/http"
)

// Stream returns a writer for an endless response: each write is flushed, and must complete within
// the time limit of a piece.
func Stream(w http.ResponseWriter) io.Writer {
	return stream{w, http.NewResponseController(w)}
}

type stream struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (s stream) Write(b []byte) (int, error) {
	if paced, ok := s.ResponseWriter.(*pacedWriter); ok {
		paced.pace = pace{}
	}
	n, err := s.ResponseWriter.Write(b)
	if err == nil {
		err = s.control.Flush()
	}
	return n, err
}
