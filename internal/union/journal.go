package union

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/cluster/peer"
)

// Events returns the newest events that q selects, of the journals of all members. After a number of this member's journal there
// are only its own.
func (c *Console) Events(q api.EventQuery) ([]api.Event, error) {
	if q.After > 0 {
		return c.own.Events(q)
	}
	page, err := c.History(q)
	return page.Entries, err
}

// History returns a page of the journals of all members, the newest first. Its cursor has for each member the number of the last
// entry that was taken of its journal, so that the pages have each entry once, whatever is added meanwhile. A member that did
// not answer for the first page has no part in those that follow.
func (c *Console) History(q api.EventQuery) (h api.History, err error) {
	h.Entries = []api.Event{}
	places, err := placesOf(q.Cursor)
	if err != nil {
		return h, err
	}
	self := c.union.members.Name()
	pages := map[string]*api.History{}
	if at, more := places.of(self); more {
		part := q
		part.Cursor = at
		own, err := c.own.History(part)
		if err != nil {
			return h, err
		}
		pages[self] = &own
	}
	values := eventValues(&q)
	parts := gatherWithin[api.History](c.union, waitFor(q.Text, q.Match), func(to peer.Member) *peer.Request {
		at, more := places.of(to.Name)
		if !more {
			return nil
		}
		values := maps.Clone(values)
		values.Set("cursor", at)
		return &peer.Request{To: to, Path: "/api/v1/history?" + values.Encode()}
	})
	none := api.Errorf(api.ErrUnavailable, "the members whose journals are left do not answer")
	for i := range parts {
		p := &parts[i]
		if p.err == nil {
			pages[p.of.Name] = &p.data
		} else if !isSilence(p.err) {
			return h, p.err
		}
	}
	if len(pages) == 0 {
		return h, none
	}
	next := cursor{}
	for name, at := range places {
		if pages[name] == nil {
			next[name] = at // where it was
		}
	}
	h.Entries = merged(pages, min(cmp.Or(max(q.Limit, 0), defaultEvents), maxEvents), next)
	h.Cursor = next.String()
	return h, nil
}

// defaultEvents is how many entries a page has without a limit, maxEvents how many with one.
const defaultEvents, maxEvents = 100, 10_000

// merged takes entries of pages, the newest first, and notes in next where the journals that have more go on. Entries of one journal
// stay in its order, whatever its clock did.
func merged(pages map[string]*api.History, limit int, next cursor) []api.Event {
	list := []api.Event{}
	taken := map[string]int{}
	for _, page := range pages {
		if len(page.Entries) == 0 && page.Cursor != "" {
			limit = 0 // it searches on, and what it finds may be newer than the entries of others
		}
	}
	for len(list) < limit {
		newest := ""
		for name, page := range pages {
			if taken[name] < len(page.Entries) && (newest == "" || newer(page.Entries[taken[name]].At, pages[newest].Entries[taken[newest]].At, name, newest)) {
				newest = name
			}
		}
		if newest == "" {
			break
		}
		page := pages[newest]
		e := page.Entries[taken[newest]]
		e.Member = newest
		list = append(list, e)
		if taken[newest]++; taken[newest] == len(page.Entries) && page.Cursor != "" {
			break // whatever follows may be newer than the entries of others
		}
	}
	for name, page := range pages {
		n := taken[name]
		switch {
		case n == len(page.Entries):
			if page.Cursor != "" {
				next[name] = page.Cursor
			}
		case n > 0:
			next[name] = strconv.FormatUint(page.Entries[n-1].Seq, 10)
		default:
			next[name] = strconv.FormatUint(page.Entries[0].Seq+1, 10)
		}
	}
	return list
}

func newer(a, b time.Time, nameA, nameB string) bool {
	return cmp.Or(b.Compare(a), strings.Compare(nameA, nameB)) < 0
}

// eventValues are the parameters of a query but its cursor.
func eventValues(q *api.EventQuery) url.Values {
	v := url.Values{"q": {q.Text}, "match[]": q.Match, "alarm": {q.Alarm}, "rule": {q.Rule}, "target": {q.Target}, "receiver": {q.Receiver}, "kind": {q.Kind}, "limit": {strconv.Itoa(q.Limit)}}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	return v
}

// cursor has for each member the cursor of its journal. A nil one is the beginning, of all.
type cursor map[string]string

// placesOf reads a cursor: MEMBER:NUMBER, with commas between them.
func placesOf(text string) (cursor, error) {
	if text == "" {
		return nil, nil
	}
	places := cursor{}
	for part := range strings.SplitSeq(text, ",") {
		i := strings.LastIndexByte(part, ':')
		if i < 0 {
			return nil, api.Errorf(api.ErrBadRequest, "cursor: %.100q is none of an answer", text)
		}
		if _, err := strconv.ParseUint(part[i+1:], 10, 64); err != nil {
			return nil, api.Errorf(api.ErrBadRequest, "cursor: %.100q is none of an answer", text)
		}
		places[part[:i]] = part[i+1:]
	}
	return places, nil
}

// of returns the cursor of a member, and whether its journal has more.
func (c cursor) of(member string) (at string, more bool) {
	if c == nil {
		return "", true
	}
	at, more = c[member]
	return at, more
}

func (c cursor) String() string {
	var parts []string
	for member, at := range c {
		parts = append(parts, member+":"+at)
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
