package queue

import "time"

// rowHeap is a heap of the first rows of alarm queues, by the time when they may be sent or by age.
type rowHeap struct {
	list   []*Row
	class  int
	byTime bool
}

// wait returns the time until the first row may be sent, or 0 if the heap is empty.
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
	r := x.(*Row)
	r.heap, r.place = h, len(h.list)
	h.list = append(h.list, r)
}

func (h *rowHeap) Pop() any {
	r := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	r.heap = nil
	return r
}
