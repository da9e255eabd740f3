package outbox

// Depth is how many events wait for a receiver.
func (o *Outbox) Depth(receiver string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.byName[receiver].Len()
}
