package statedir

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"
)

// damagedBucket keeps the content of records that could not be read, by the bucket and the key that they had.
var damagedBucket = []byte("damaged")

// Damage is a file or a record of the state directory that cannot be read or has changed.
type Damage struct {
	Text  string // of the log entry
	Where string // a file, or the bucket and the key of a record
	Key   string // of a record
	Aside string // where its content lies; empty where there was no room for it
	Err   error
}

// ReadRecords calls read for each record of a bucket. Those that read refuses are put aside and returned, so
// that one record that cannot be read keeps nothing else from being used.
func (s *Dir) ReadRecords(bucket []byte, read func(key, value []byte) error) (bad []Damage, err error) {
	err = s.View(func(tx *bbolt.Tx) error {
		bad = Unreadable(tx.Bucket(bucket), string(bucket), read)
		return nil
	})
	if err != nil || len(bad) == 0 {
		return nil, err
	}
	errAside := s.Update(func(tx *bbolt.Tx) error { return PutAside(tx, tx.Bucket(bucket), bad) })
	for i := range bad {
		if errAside != nil {
			bad[i].Aside, bad[i].Err = "", fmt.Errorf("%w (it stays where it is: %w)", bad[i].Err, errAside)
		}
		s.Report(bad[i])
	}
	return bad, nil
}

// Unreadable calls read for each record of a bucket that may be nil, and returns those that it refuses.
func Unreadable(b *bbolt.Bucket, name string, read func(key, value []byte) error) (bad []Damage) {
	if b == nil {
		return nil
	}
	_ = b.ForEach(func(k, value []byte) error {
		if value == nil {
			return nil // a bucket
		}
		text, err := Unseal(k, value)
		if err == nil {
			err = read(k, text)
		}
		if err != nil {
			bad = append(bad, Unread(name, k, err))
		}
		return nil
	})
	return bad
}

// Unread is the damage of a record of a bucket.
func Unread(name string, key []byte, err error) Damage {
	return Damage{
		Text: "a record of the state directory cannot be read and was put aside", Where: name + "/" + strconv.QuoteToASCII(string(key)), Key: string(key), Err: err,
	}
}

// PutAside moves records to the bucket of damaged ones, which is not read.
func PutAside(tx *bbolt.Tx, from *bbolt.Bucket, bad []Damage) error {
	aside, err := tx.CreateBucketIfNotExists(damagedBucket)
	if err != nil {
		return err
	}
	for i := range bad {
		n, err := aside.NextSequence()
		if err != nil {
			return err
		}
		to := fmt.Sprintf("%s#%d", bad[i].Where, n)
		if len(to) > bbolt.MaxKeySize {
			to = fmt.Sprintf("#%d", n)
		}
		key := []byte(bad[i].Key)
		if err := aside.Put([]byte(to), bytes.Clone(from.Get(key))); err != nil {
			return err
		}
		if err := from.Delete(key); err != nil {
			return err
		}
		bad[i].Aside = fmt.Sprintf("%s, bucket %s, key %s", DatabaseFile, damagedBucket, to)
	}
	return nil
}

// Seal returns the value of a record: its text, and a checksum over the key and the text.
func Seal(key, text []byte) []byte {
	value := make([]byte, 0, len(text)+len(sealMark)+8)
	value = append(append(value, text...), sealMark...)
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], checksum(key, text))
	return hex.AppendEncode(value, sum[:])
}

// Unseal returns the text of a record. Records of earlier versions have no checksum.
func Unseal(key, value []byte) (text []byte, err error) {
	at := len(value) - len(sealMark) - 8
	if at < 0 || string(value[at:at+len(sealMark)]) != sealMark {
		return value, nil
	}
	if want := fmt.Sprintf("%08x", checksum(key, value[:at])); string(value[at+len(sealMark):]) != want {
		return nil, errors.New("its checksum is wrong")
	}
	return value[:at], nil
}

// sealMark stands between the text of a record, which is JSON, and its checksum.
const sealMark = "\n#"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(parts ...[]byte) (sum uint32) {
	for _, part := range parts {
		sum = crc32.Update(sum, castagnoli, part)
	}
	return sum
}

// Damaged returns the number of damaged files and records.
func (s *Dir) Damaged() int {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	return s.damaged
}

// Report counts damage, and keeps it to be logged by LogDamage.
func (s *Dir) Report(d Damage) {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	s.damaged++
	s.reports = append(s.reports, d)
}

// LogDamage logs the damage that was reported since the last call.
func (s *Dir) LogDamage(logger *slog.Logger) {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	for _, d := range s.reports {
		args := []any{"of", d.Where, "err", d.Err}
		if d.Aside != "" {
			args = append(args, "moved_to", d.Aside)
		}
		logger.Error(d.Text, args...) //nolint:sloglint // constants of the rooms that report
	}
	s.reports = nil
}

var damagedDesc = prometheus.NewDesc("trapline_state_damaged_total", "Files and records of the state directory that could not be read and were set aside.", nil, nil)

// Describe is of prometheus.Collector.
func (s *Dir) Describe(to chan<- *prometheus.Desc) { to <- damagedDesc }

// Collect is of prometheus.Collector.
func (s *Dir) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(damagedDesc, prometheus.CounterValue, float64(s.Damaged()))
}
