package neighbours

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/statedir"
)

// linksBucket has the links by the names of their ends: they hold over restarts, and while a device that does not answer
// cannot say where it is linked. They have a transaction of their own: no alarm depends on when a link is stored.
var linksBucket = []byte("links")

// record is a stored link.
type record struct {
	Ends  Ends       `json:"ends"`
	By    []Protocol `json:"by"`
	Via   string     `json:"via,omitempty"`
	Since time.Time  `json:"since"`
	Gone  [2]float64 `json:"gone,omitzero"` // seconds
}

// Load reads the links of the last process.
func Load(s *statedir.Dir) (links []Link, err error) {
	_, err = s.ReadRecords(linksBucket, func(_, text []byte) error {
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			return err
		}
		known := func(p Protocol) bool { return slices.Contains(Protocols, p) }
		if r.Ends[0] >= r.Ends[1] || len(r.By) == 0 || slices.ContainsFunc(r.By, func(p Protocol) bool { return !known(p) }) {
			return errors.New("it is no link")
		}
		l := Link{Ends: r.Ends, By: r.By, Via: r.Via, Since: r.Since}
		for i := range r.Gone {
			l.Gone[i] = time.Duration(min(max(r.Gone[i], 0), Forgotten.Seconds()) * float64(time.Second))
		}
		links = append(links, l)
		return nil
	})
	return links, err
}

// Store stores the changes of a book.
func Store(s *statedir.Dir, changes map[Ends]*Link) error {
	return s.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(linksBucket)
		if err != nil {
			return err
		}
		for _, ends := range slices.SortedFunc(maps.Keys(changes), func(x, y Ends) int { return slices.Compare(x[:], y[:]) }) {
			key, l := []byte(strings.Join(ends[:], "\x00")), changes[ends]
			if l == nil {
				err = b.Delete(key)
			} else {
				err = put(b, key, l)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func put(b *bbolt.Bucket, key []byte, l *Link) error {
	text, err := json.Marshal(record{l.Ends, l.By, l.Via, l.Since, [2]float64{l.Gone[0].Seconds(), l.Gone[1].Seconds()}})
	if err != nil {
		return err
	}
	return b.Put(key, statedir.Seal(key, text))
}
