package outbox

import "time"

// rowHeap is a heap of the first rows of lines, by when they may be sent or by age.
type rowHeap struct {
	list   []*row
	class  int
	byTime bool
}

// wait is how long it takes until the first of them may be sent, 0 without any.
func (h *rowHeap) wait(now time.Duration) time.Duration {
	if len(h.list) == 0 {
		return 0
	}
	return h.list[0].next - now
}

func (h *rowHeap) Len() int { return len(h.list) }

func (h *rowHeap) Less(i, j int) bool {
	if a, b := h.list[i], h.list[j]; h.byTime && a.next != b.next {
		return a.next < b.next
	}
	return h.list[i].seq < h.list[j].seq
}

func (h *rowHeap) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].place, h.list[j].place = i, j
}

func (h *rowHeap) Push(x any) {
	r := x.(*row)
	r.heap, r.place = h, len(h.list)
	h.list = append(h.list, r)
}

func (h *rowHeap) Pop() any {
	r := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	r.heap = nil
	return r
}
