package notify

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
	"trapline/internal/snmp"

	"github.com/prometheus/client_golang/prometheus"
)

// snmpReceiver sends events as SNMP notifications.
type snmpReceiver struct {
	sender   *originator.Sender
	to       originator.Receiver
	format   format
	identity *originator.Identity
	trimmed  prometheus.Counter
	faults   *prometheus.CounterVec // by reason
	logger   *slog.Logger
}

func openSNMP(r *ReceiverSettings, c *Dependencies) (*snmpReceiver, error) {
	auth := c.Auths[r.Auth]
	if auth == nil {
		return nil, fmt.Errorf("there is no auth %q", r.Auth)
	}
	to := originator.Receiver{Context: r.Context, ContextEngineID: r.contextEngine(), Timeout: duration(r.Timeout, defaultTimeout), Retries: defaultRetries}
	if r.Retries != nil {
		to.Retries = *r.Retries
	}
	var err error
	if to.Principal, err = auth.Principal(); err != nil {
		return nil, err
	}
	if to.Address, err = access.ParseReceiver(r.Address); err != nil {
		return nil, err
	}
	if to.Source, err = access.ParseSource(r.SourceAddress); err != nil {
		return nil, err
	}
	s := &snmpReceiver{
		to: to, identity: c.Identity, format: newFormat(r, c), trimmed: c.Metrics.Trimmed.WithLabelValues(r.Name),
		faults: c.Metrics.Faults.MustCurryWith(prometheus.Labels{"receiver": r.Name}), logger: c.Logger.With("receiver", r.Name),
	}
	s.sender, err = originator.NewSender(to, c.Identity)
	return s, err
}

// maxMessageSize is how large a message may become: it then fits a frame on every path.
const maxMessageSize = 1400

// room is how many octets of a message are left for the list of variable bindings.
func (s *snmpReceiver) room() int {
	const community, usm = 80, 230 // octets around the list at most, but for the texts
	p := &s.to.Principal
	if p.Version != snmp.V3 {
		return maxMessageSize - community - len(p.Community)
	}
	return maxMessageSize - usm - len(p.User.Name) - len(s.to.Context)
}

// notificationOf returns the notification of an event, nil if there is none.
func (s *snmpReceiver) notificationOf(e *alarm.Event, requestID int32) *originator.Notification {
	if e.Kind == alarm.Forward {
		return s.forwarded(e, requestID)
	}
	return s.notification(e, requestID)
}

func (s *snmpReceiver) notification(e *alarm.Event, requestID int32) *originator.Notification {
	d := s.format(e, s.room())
	if d.notification == nil {
		return nil
	}
	if s.to.Principal.Version == snmp.V1 {
		d.suitV1()
	}
	d.fit(s.room())
	s.trimmed.Add(float64(d.trimmed))
	for _, f := range d.faults {
		s.faults.WithLabelValues(f.reason).Inc()
		s.logger.Warn("a notification is sent without what its rule wants", "event", e.ID, "rule", e.Alarm.Rule, "err", f.err)
	}
	if d.notification.RequestID = requestID; !d.timed {
		d.notification.Uptime = s.identity.Uptime(time.Now())
	}
	return d.notification
}

func openTrap(r *ReceiverSettings, c *Dependencies) (queue.Deliver, error) {
	return openSender(r, c, func(ctx context.Context, s *originator.Sender, n *originator.Notification) (originator.Receipt, error) {
		if err := s.Trap(ctx, n); err != nil {
			return originator.Receipt{}, err
		}
		return originator.Receipt{Sent: 1}, nil
	})
}

func openInform(r *ReceiverSettings, c *Dependencies) (queue.Deliver, error) {
	return openSender(r, c, func(ctx context.Context, s *originator.Sender, n *originator.Notification) (originator.Receipt, error) {
		return s.Inform(ctx, n)
	})
}

// openSender returns a function that sends events by send. Events for which the format has no notification are skipped.
func openSender(r *ReceiverSettings, c *Dependencies, send func(context.Context, *originator.Sender, *originator.Notification) (originator.Receipt, error)) (queue.Deliver, error) {
	s, err := openSNMP(r, c)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, e *alarm.Event, requestID int32) (originator.Receipt, error) {
		n := s.notificationOf(e, requestID)
		if n == nil {
			return originator.Receipt{}, nil
		}
		return send(ctx, s.sender, n)
	}, nil
}

// forwarded returns the notification of an event of the kind Forward, nil if the receiver's version cannot carry it.
func (s *snmpReceiver) forwarded(e *alarm.Event, requestID int32) *originator.Notification {
	n := &originator.Notification{RequestID: requestID, Uptime: s.identity.Uptime(time.Now())}
	for list := e.Trap; len(list) > 0; {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			break
		}
		switch list = rest; {
		case v.Name.Compare(originator.SysUpTime) == 0:
			ticks, _ := v.Uint()
			n.Uptime = uint32(ticks)
		case v.Name.Compare(originator.SNMPTrapOID) == 0:
			n.Trap = v.Value
		default:
			n.VarBinds = append(n.VarBinds, v)
		}
	}
	if s.to.Principal.Version != snmp.V1 {
		return n
	}
	fields, err := n.InFields()
	if err == nil {
		_, err = fields.TrapV1(e.Alarm.Address)
	}
	if err != nil {
		s.logger.Warn("a trap cannot be forwarded by SNMPv1", "trap", e.Alarm.Notification, "err", err)
		return nil
	}
	return fields
}
