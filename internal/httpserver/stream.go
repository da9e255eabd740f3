package httpserver

import (
	"io"
	"net/http"
)

// Stream returns a writer for a response that has no end of its own: what is written is sent at once, and must go
// within the time that a piece of any response may take.
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
