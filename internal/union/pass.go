package union

import (
	"context"
	"encoding/json"
	"net/http"

	"trapline/internal/cluster/peer"
)

// Each reads the answers of the other members to a path, several at once. A member whose answer cannot be read does not answer.
func (u *Union) Each(path string, read func([]byte) error) {
	ctx, cancel := context.WithTimeout(context.Background(), searchWait)
	defer cancel()
	askAll(u, list(path), func(q *peer.Request, _ *struct{}) error {
		if err := u.silentNow(u.of(q.To.Name)); err != nil {
			return err
		}
		answer, leave, err := u.open(ctx, q)
		if err != nil {
			return err
		}
		defer leave()
		text, err := peer.Read(answer.Body, maxPart)
		if err == nil {
			err = read(text)
		}
		if err != nil {
			u.note(u.of(q.To.Name), err)
		}
		return err
	})
}

// PassToGlobal has the owner of the shard global answer a request, if another member is, with its user, and whatever it answers.
// It reports whether there is an answer.
func (u *Union) PassToGlobal(w http.ResponseWriter, r *http.Request) bool {
	owner := u.members.Holder("")
	if owner.Name == u.members.Name() {
		return false
	}
	unavailable := func(text string) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(text) // as Alertmanager does
		return true
	}
	if owner.Name == "" {
		return unavailable(noGlobal)
	}
	body, err := peer.Read(r.Body, maxRefusal)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return true
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerWait)
	defer cancel()
	answer, err := u.members.Open(ctx, &peer.Request{To: owner, Method: r.Method, Path: r.URL.EscapedPath() + "?" + r.URL.RawQuery, Body: body, Header: passedOn(r)})
	if err != nil {
		return unavailable((&silence{owner.Name, plain(err)}).Error())
	}
	defer answer.Body.Close()
	text, err := peer.Read(answer.Body, maxRefusal)
	if err != nil {
		return unavailable((&silence{owner.Name, plain(err)}).Error())
	}
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(text) // the client has gone
	return true
}

const noGlobal = "no member of the cluster keeps silences at the moment"

// passedOn returns the headers of a request that another member needs: its type, and the name of its user alone.
func passedOn(r *http.Request) http.Header {
	h := http.Header{"Content-Type": r.Header.Values("Content-Type")}
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		named := http.Request{Header: h}
		named.SetBasicAuth(user, "")
	}
	return h
}
