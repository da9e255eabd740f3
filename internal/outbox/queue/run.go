package queue

// Begin records that deliveries have begun, which stop ends at once. It returns a function to call when they have ended.
func (q *Queue) Begin(stop func()) (ended func()) {
	q.stop, q.ended = stop, make(chan struct{})
	return func() { close(q.ended) }
}

// Begun reports whether deliveries have begun.
func (q *Queue) Begun() bool { return q.stop != nil }

// Stop ends the deliveries at once.
func (q *Queue) Stop() { q.stop() }

// StopAndWait stops the deliveries, if they have begun, and returns when they have ended.
func (q *Queue) StopAndWait() {
	if q.stop != nil {
		q.stop()
		q.signal()
		<-q.ended
	}
}
