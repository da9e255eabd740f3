package httpapi

import (
	"encoding/csv"
	"fmt"
	"hash/fnv"
	"net/http"

	"trapline/internal/api"
	"trapline/internal/httpserver"
)

// viewed is a tabular route whose answers change with polls. It has an ETag, by which a client that has the answer is not sent it
// again.
func viewed[T any](pattern, text string, query func(*API, *http.Request) (T, error), rows func(*T) [][]string) route {
	view := tabular(pattern, text, query, rows)
	plain := view.serve
	view.serve = func(a *API, w http.ResponseWriter, r *http.Request) {
		tag := a.tag(r)
		if tag != "" && httpserver.HasTag(r.Header.Get("If-None-Match"), tag) {
			w.Header().Set("ETag", tag)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		if tag != "" {
			w.Header().Set("ETag", tag)
		}
		plain(a, w, r)
	}
	return view
}

// tabular is a route that answers in CSV too, with the titles in front, if rows is not nil.
func tabular[T any](pattern, text string, query func(*API, *http.Request) (T, error), rows func(*T) [][]string) route {
	list := gives(pattern, text, query)
	plain := list.serve
	list.serve = func(a *API, w http.ResponseWriter, r *http.Request) {
		switch format := r.FormValue("format"); {
		case format == "" || format == "json":
			plain(a, w, r)
		case format == "csv" && rows != nil:
			data, err := query(a, r)
			if err != nil {
				Refuse(w, err)
				return
			}
			writeCSV(w, rows(&data))
		default:
			Refuse(w, api.WithHint(api.Errorf(api.ErrBadRequest, "there is no format %q", format), "write json, or csv for targets, tables and alarms"))
		}
	}
	return list
}

// tag stands for the answer to a request; "" if it may change unseen.
func (a *API) tag(r *http.Request) string {
	version := a.Fleet.StoreVersion()
	if version == "" {
		return ""
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(r.URL.Path + "?" + r.URL.RawQuery))
	return fmt.Sprintf(`"%s-%x"`, version, h.Sum64())
}

func writeCSV(w http.ResponseWriter, rows [][]string) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	for _, row := range rows {
		for i, cell := range row {
			row[i] = api.Inert(cell)
		}
	}
	_ = csv.NewWriter(w).WriteAll(rows) // an error means that the client has gone
}
