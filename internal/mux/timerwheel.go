package mux

import "time"

// timerWheel wakes queries up with a precision of one tick. Setting and clearing a timer costs the
// same however many there are, and the system's timers are not touched.
type timerWheel struct {
	buckets [wheelSize]*Query // doubly linked through query.timer
	armed   int
	turned  int64 // ticks since the Mux's epoch that have been looked at
	ticker  *time.Timer
}

const (
	tick      = 5 * time.Millisecond
	wheelSize = 1024
)

// timer is a query's place in the wheel.
type timer struct {
	due        int64 // tick; 0 when not set
	next, prev *Query
}

// set wakes q up at the given time, in place of any earlier setting.
func (w *timerWheel) set(p *Mux, q *Query, at time.Duration) {
	w.clear(q)
	q.timer.due = max(int64(at/tick)+1, int64(p.Now/tick)+1)
	head := &w.buckets[q.timer.due%wheelSize]
	q.timer.next = *head
	if *head != nil {
		(*head).timer.prev = q
	}
	*head = q
	if w.armed++; w.armed == 1 {
		w.turned = int64(p.Now / tick)
		if w.ticker == nil {
			w.ticker = time.AfterFunc(tick, p.turn)
		} else {
			w.ticker.Reset(tick)
		}
	}
}

func (w *timerWheel) clear(q *Query) {
	t := &q.timer
	if t.due == 0 {
		return
	}
	if t.prev != nil {
		t.prev.timer.next = t.next
	} else {
		w.buckets[t.due%wheelSize] = t.next
	}
	if t.next != nil {
		t.next.timer.prev = t.prev
	}
	*t = timer{}
	w.armed--
}

func (w *timerWheel) stop() {
	if w.ticker != nil {
		w.ticker.Stop()
	}
}

// turn looks at the spokes whose time has come.
func (p *Mux) turn() {
	p.Lock()
	defer p.Unlock()
	w := &p.timers
	now := int64(p.Now / tick)
	if now-w.turned > wheelSize {
		w.turned = now - wheelSize
	}
	for ; w.turned < now; w.turned++ {
		p.wakeLocked(w.buckets[(w.turned+1)%wheelSize], now)
	}
	if w.armed > 0 && !p.closed {
		w.ticker.Reset(tick)
	}
}

func (p *Mux) wakeLocked(q *Query, now int64) {
	var due []*Query
	for ; q != nil; q = q.timer.next {
		if q.timer.due <= now {
			due = append(due, q)
		}
	}
	for _, q := range due {
		if q.timer.due != 0 && q.timer.due <= now {
			p.timers.clear(q)
			p.expireLocked(q)
		}
	}
}
