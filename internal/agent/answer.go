package agent

import "trapline/internal/snmp"

// responder builds responses in its own buffers, so that answering does not allocate. Each
// goroutine has one; a response is valid until the next.
type responder struct {
	view
	message snmp.Message // the request
	list    []byte       // the response's bindings
	columns []column
	out     []byte
	count   int // bindings looked up
}

// view is the part of the objects visible to one request.
type view struct {
	objects Objects
	seconds float64 // uptime of the device
	v1      bool    // version 1, which has no Counter64
	room    int     // maximum size of the list of bindings in octets
	quirks  quirks
}

// column is one repeated variable of a GETBULK.
type column struct {
	asked snmp.OID
	next  int
	moved bool
}

// overhead is the maximum size of a response without its list and community: the headers of
// message, community, PDU and list at four octets each, and the four integers.
const overhead = 4*4 + 3 + 6 + 3 + 6

// outcome is the result of a request apart from its bindings.
type outcome struct {
	status snmp.ErrorStatus
	index  int
	silent bool // no response: the request is malformed or not for agents
}

// respond returns the response to a request, or nil if the request is malformed or has an unknown
// community.
func (r *responder) respond(d *device, request []byte, seconds float64) []byte {
	m, err := snmp.ParseMessage(request)
	if err != nil {
		return nil
	}
	rec := d.recording(m.Community)
	if rec == nil {
		return nil
	}
	r.message = m
	r.view = view{objects: rec, seconds: seconds, v1: m.Version == snmp.V1, quirks: d.quirks(rec)}
	r.room = d.maxSize - overhead - len(m.Community)
	r.reset()
	o := r.perform(m.PDU)
	if o.silent {
		return nil
	}
	r.out = snmp.AppendMessage(r.out[:0], &snmp.Message{
		Version: m.Version, Community: m.Community, PDU: snmp.Response, RequestID: m.RequestID,
		ErrorStatus: o.status, ErrorIndex: int32(o.index), VarBinds: r.bindings(o),
	})
	return r.out
}

func (r *responder) reset() { r.list, r.columns, r.count = r.list[:0], r.columns[:0], 0 }

// bindings returns the bindings of the response: with an error those of the request.
func (r *responder) bindings(o outcome) []byte {
	switch {
	case o.status == snmp.TooBig && !r.v1:
		return nil
	case o.status != snmp.NoError:
		return r.message.VarBinds
	}
	return r.list
}

func (r *responder) perform(pdu snmp.PDUType) outcome {
	switch {
	case pdu == snmp.GetRequest:
		return r.each(r.message.VarBinds, r.get)
	case pdu == snmp.GetNextRequest:
		return r.each(r.message.VarBinds, r.getNext)
	case pdu == snmp.GetBulkRequest && !r.v1:
		return r.getBulk()
	case pdu == snmp.SetRequest && r.v1:
		return outcome{status: snmp.ReadOnly, index: 1}
	case pdu == snmp.SetRequest:
		return outcome{status: snmp.NoAccess, index: 1}
	}
	return outcome{silent: true}
}

// each performs an operation on each binding of a list.
func (r *responder) each(list []byte, operation func(snmp.OID) snmp.ErrorStatus) outcome {
	for n := 1; len(list) > 0; n++ {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			return outcome{silent: true}
		}
		if status := operation(v.Name); status != snmp.NoError {
			return outcome{status: status, index: n}
		}
		if len(r.list) > r.room {
			return outcome{status: snmp.TooBig}
		}
		list = rest
	}
	return outcome{}
}

func (r *responder) get(name snmp.OID) snmp.ErrorStatus {
	r.count++
	i, found := r.view.objects.Find(name)
	switch {
	case i >= r.quirks.failFrom:
		return r.quirks.status
	case found && !r.hidden(i):
		r.list = r.view.objects.Append(r.list, i, r.seconds)
	case r.v1:
		return snmp.NoSuchName
	default:
		r.list = snmp.AppendVarBind(r.list, snmp.VarBind{Name: name, Type: r.view.objects.Missing(name, i)})
	}
	return snmp.NoError
}

func (r *responder) getNext(name snmp.OID) snmp.ErrorStatus {
	i := r.after(name)
	switch {
	case i >= r.quirks.failFrom:
		return r.quirks.status
	case i < r.view.objects.Len():
		r.put(i)
	case r.v1:
		return snmp.NoSuchName
	default:
		r.putEnd(name)
	}
	return snmp.NoError
}

// after returns the position of the first object after name.
func (r *responder) after(name snmp.OID) int {
	i, found := r.view.objects.Find(name)
	if found {
		i++
	}
	return r.visible(i)
}

// visible returns i, or the position that replaces it because of the version or a fault of the
// device.
func (v *view) visible(i int) int {
	if i == v.quirks.loopAt {
		return v.quirks.loopTo
	}
	for v.v1 && i < v.objects.Len() && v.hidden(i) {
		i++
	}
	return i
}

func (v *view) hidden(i int) bool { return v.v1 && v.objects.Kind(i) == snmp.Counter64 }

func (r *responder) put(i int) {
	r.count++
	r.list = r.view.objects.Append(r.list, i, r.seconds)
}

func (r *responder) putEnd(name snmp.OID) {
	r.count++
	r.list = snmp.AppendVarBind(r.list, snmp.VarBind{Name: name, Type: snmp.EndOfMibView})
}

// minBinding is the minimum size of a binding.
const minBinding = 7

// getBulk implements RFC 3416 section 4.2.3: the non-repeaters once, then the repeaters row by row
// until the response is full or every column has ended.
func (r *responder) getBulk() outcome {
	nonRepeaters, repetitions := int(r.message.ErrorStatus), int(r.message.ErrorIndex)
	list := r.message.VarBinds
	position := 0
	for ; len(list) > 0; position++ {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			return outcome{silent: true}
		}
		list = rest
		if position >= nonRepeaters {
			if len(r.columns) > 0 && len(r.columns)*minBinding > r.room {
				continue // the first row will not get so far
			}
			r.columns = append(r.columns, column{asked: v.Name, next: r.after(v.Name)})
			continue
		}
		before := len(r.list)
		if status := r.getNext(v.Name); status != snmp.NoError {
			return outcome{status: status, index: position + 1}
		}
		if len(r.list) > r.room {
			return r.full(before)
		}
	}
	first := max(nonRepeaters, 0) + 1
	for range repetitions {
		ended := true
		for c := range r.columns {
			col := &r.columns[c]
			if col.next >= r.quirks.failFrom {
				return outcome{status: r.quirks.status, index: first + c}
			}
			before := len(r.list)
			ended = !r.step(col) && ended
			if len(r.list) > r.room {
				return r.full(before)
			}
		}
		if ended {
			break
		}
	}
	return outcome{}
}

// step appends the next object of a column. It returns false at the end of the column.
func (r *responder) step(col *column) bool {
	if col.next < r.view.objects.Len() {
		r.put(col.next)
		col.next, col.moved = r.visible(col.next+1), true
		return true
	}
	if col.moved {
		col.asked = r.view.objects.Name(r.view.objects.Len() - 1)
	}
	r.putEnd(col.asked)
	return false
}

// full truncates a GETBULK response to the bindings that fit. If none fits the response is tooBig.
func (r *responder) full(fits int) outcome {
	if fits == 0 {
		return outcome{status: snmp.TooBig}
	}
	r.list = r.list[:fits]
	return outcome{}
}
