package snmp

import (
	"errors"
	"time"
)

// This file has what each client does with the state of an authoritative engine (RFC 3414 sections 2.3, 3.2 and 4): it
// discovers the engine, follows its clock and deals with its Reports. Keys stay with the caller, which knows how
// many goroutines use them at once; so does the decision when an engine is discovered anew.

// nobody is the user of discoveries. A Security without keys has no scratch memory: it is safe for concurrent use.
var nobody = &Security{}

// AppendDiscovery appends the message that asks an engine for its ID (RFC 3414 section 4). maxSize is the largest
// message that the caller takes.
func AppendDiscovery(dst []byte, id, maxSize int32) []byte {
	h := Header3{ID: id, MaxSize: maxSize, Flags: FlagReportable}
	scoped := ScopedPDU{PDU: PDU{Type: GetRequest, RequestID: id}}
	return nobody.Seal(dst, &h, AppendScopedPDU(nil, &scoped))
}

var errNoDiscovery = errors.New("no Report came of the discovery")

// OpenDiscovery decodes the Report that answers a discovery. Nobody could sign it. Its engine ID is valid; its slices
// alias the packet.
func OpenDiscovery(packet []byte) (Opened, error) {
	o, err := nobody.Open(packet)
	if err != nil || o.Type != Report {
		return Opened{}, errors.Join(errNoDiscovery, err)
	}
	return o, CheckEngineID(o.EngineID)
}

// Discovered sets the clock of an engine that o made known. Its boots and time, which nobody signed, hold until a
// signed message says otherwise.
func (c *EngineClock) Discovered(o *Opened, now time.Duration) {
	*c = EngineClock{}
	c.Suggest(o.Boots, o.Time, now)
}

var errTimeWindow = errors.New("the answer is outside of the time window")

// Check updates the clock from an answer, and returns an error if that is outside of the time window.
func (c *EngineClock) Check(o *Opened, now time.Duration) error {
	if o.Authenticated && !c.Update(o.Boots, o.Time, now) {
		return errTimeWindow
	}
	return nil
}

// ReportVerdict is what a Report in the place of an answer means for the request.
type ReportVerdict byte

// The verdicts.
const (
	ReportStray    ReportVerdict = iota // forged, replayed, or of an attempt before the clock was set: wait on
	ReportResynced                      // the clock is set: send again
	ReportRefusal                       // the engine refuses the request
)

// TakeReport sets the clock from an authenticated Report notInTimeWindow of the last attempt, once in a request
// (RFC 3414 section 2.3, RFC 3412 section 7.2). resynced is whether it was set for this request before.
func (c *EngineClock) TakeReport(o *Opened, last, resynced bool, now time.Duration) ReportVerdict {
	switch {
	case o.PDU.Report() != NotInTimeWindow:
		return ReportRefusal
	case !o.Authenticated || !last:
		return ReportStray
	case resynced:
		return ReportRefusal
	}
	c.Adopt(o.Boots, o.Time, now)
	return ReportResynced
}
