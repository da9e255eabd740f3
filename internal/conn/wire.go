package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// Wire is the connection that gosnmp reads and writes. It stands between the two because gosnmp takes
// any datagram for an answer: one that it cannot read costs an attempt, an echo of the request is a
// success, and an unauthenticated Report is discarded with all that it says. The wire keeps from it
// datagrams that are no answer, counts, and ends an exchange at once when waiting longer is pointless.
type Wire struct {
	net.Conn
	Version snmp.Version
	Private bool // encrypted answers only
	stats   *mux.Stats
	metrics *mux.Metrics

	sent        []sent    // the attempts of the exchange
	first       uint32    // the first id of the poll: an id between it and the last is a late answer
	began       bool      // first is set
	Retrying    bool      // the next message that is sent is a retransmission
	sentAt      time.Time // the last attempt
	Answered    bool      // anything that was an answer arrived in this poll
	Discovered  bool      // the Report of a discovery did
	LastInvalid error     // why the last datagram of this exchange was no answer
	Late        bool      // an answer to an earlier exchange came in this one

	mu    sync.Mutex
	ended error // the exchange is over: every further attempt fails with this
}

// sent is a request on its way.
type sent struct {
	id        uint32 // request-id; msgID in SNMPv3
	discovery bool   // asks for the engine ID (RFC 3414 section 4)
}

// Begin starts an exchange.
func (w *Wire) Begin(ctx context.Context) {
	w.sent, w.LastInvalid, w.Late, w.Retrying = w.sent[:0], nil, false, false
	w.mu.Lock()
	w.ended = ctx.Err()
	w.mu.Unlock()
}

// End makes the exchange fail with err. It may be called from any goroutine.
func (w *Wire) End(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = err
	_ = w.Conn.SetDeadline(time.Unix(1, 0)) // wakes up Read
}

// Failure returns the error that ended the exchange, or nil.
func (w *Wire) Failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// NewWire returns the Wire of a connection to a target that speaks a version of SNMP.
func NewWire(c net.Conn, version snmp.Version, stats *mux.Stats, metrics *mux.Metrics) *Wire {
	return &Wire{Conn: c, Version: version, stats: stats, metrics: metrics}
}

// LastID returns the id of the last attempt.
func (w *Wire) LastID() uint32 { return w.sent[len(w.sent)-1].id }

// SetDeadline is called by gosnmp before each attempt, and the one place that makes it give up.
func (w *Wire) SetDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		return w.ended
	}
	return w.Conn.SetDeadline(t)
}

// Write sends one attempt.
func (w *Wire) Write(b []byte) (int, error) {
	s, err := w.outgoing(b)
	if err != nil {
		return 0, fmt.Errorf("request: %w", err)
	}
	if !w.began {
		w.first, w.began = s.id, true
	}
	w.sent = append(w.sent, s)
	w.stats.Packets++
	if w.Retrying {
		w.stats.Retries++
	}
	w.metrics.Sent(w.Retrying)
	w.Retrying = false
	w.sentAt = time.Now()
	n, err := w.Conn.Write(b)
	if err != nil {
		w.End(err)
	}
	return n, err
}

func (w *Wire) outgoing(b []byte) (sent, error) {
	if w.Version == snmp.V3 {
		m, err := snmp.ParseMessage3(b)
		return sent{uint32(m.ID), len(m.EngineID) == 0}, err
	}
	m, err := snmp.ParseMessage(b)
	return sent{id: uint32(m.RequestID)}, err
}

// Read waits for an answer until the deadline. Whatever else arrives is put aside.
func (w *Wire) Read(b []byte) (int, error) {
	for {
		n, err := w.Conn.Read(b)
		if err != nil {
			if !timedOut(err) {
				w.End(err)
			}
			return 0, err
		}
		n, err = w.examine(b[:n])
		var report *access.ReportError
		switch {
		case err == nil:
			w.metrics.Received(time.Since(w.sentAt))
			if w.sent[len(w.sent)-1].discovery {
				w.Discovered = true // an engine ID is no answer to the user
				return n, nil
			}
			w.Answered = true
			w.stats.Progress.Answer()
			return n, nil
		case errors.As(err, &report):
			w.Answered = true
			w.stats.Progress.Answer()
			w.End(err)
			return 0, err
		case errors.Is(err, errLate):
			w.Late = true
		default:
			w.LastInvalid = err
		}
	}
}

func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

var errLate = errors.New("answer to an earlier request")

// examine returns the length of the message in b, or why it is no answer. Some agents pad their
// messages; gosnmp would not have it.
func (w *Wire) examine(b []byte) (n int, err error) {
	if n, err = snmp.MessageSize(b); err != nil {
		return 0, err
	}
	if w.Version == snmp.V3 {
		return n, w.examineV3(b[:n])
	}
	m, err := snmp.ParseMessage(b[:n])
	switch {
	case err != nil:
		return 0, err
	case m.Version != w.Version:
		return 0, fmt.Errorf("version %d where %d was asked for", m.Version, w.Version)
	case m.PDU != snmp.Response:
		return 0, fmt.Errorf("PDU 0x%02x is not a response", byte(m.PDU))
	case m.ErrorStatus < 0 || m.ErrorStatus > 0xff: // gosnmp reads the low octet only
		return 0, fmt.Errorf("error-status %d", m.ErrorStatus)
	}
	// The community is not compared: proxies and agents with indexed communities answer with another.
	_, err = w.match(uint32(m.RequestID))
	return n, err
}

func (w *Wire) examineV3(b []byte) error {
	m, err := snmp.ParseMessage3(b)
	if err != nil {
		return err
	}
	s, err := w.match(uint32(m.ID))
	if err != nil || (m.Flags&snmp.FlagPriv != 0 && !s.discovery) {
		return err // gosnmp decrypts and checks it
	}
	if s.discovery {
		_, err = snmp.OpenDiscovery(b)
		return err
	}
	scoped, err := snmp.ParseScopedPDU(m.Data)
	switch {
	case err != nil:
		return err
	case scoped.Type == snmp.Response && w.Private:
		return errors.New("the answer is not encrypted")
	case scoped.Type == snmp.Response:
		return nil
	case scoped.Type != snmp.Report:
		return fmt.Errorf("PDU 0x%02x is not a response", byte(scoped.Type))
	case m.Flags&snmp.FlagAuth != 0:
		return nil // gosnmp checks the digest first
	}
	return access.NewReportError(&scoped.PDU)
}

// match finds the attempt that an id answers.
func (w *Wire) match(id uint32) (sent, error) {
	for _, s := range w.sent {
		if s.id == id {
			return s, nil
		}
	}
	if last := w.sent[len(w.sent)-1].id; id-w.first < last-w.first {
		return sent{}, errLate
	}
	return sent{}, fmt.Errorf("id %d was not asked with", id)
}
