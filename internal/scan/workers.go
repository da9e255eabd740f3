package scan

import "sync"

// workers counts goroutines. Unlike with a sync.WaitGroup, the first may begin while others wait.
type workers struct {
	mu   sync.Mutex
	idle sync.Cond
	n    int
}

func newWorkers() *workers {
	w := &workers{}
	w.idle.L = &w.mu
	return w
}

func (w *workers) Go(f func()) {
	w.mu.Lock()
	w.n++
	w.mu.Unlock()
	go func() {
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.n--; w.n == 0 {
				w.idle.Broadcast()
			}
		}()
		f()
	}()
}

// Wait waits until none is under way.
func (w *workers) Wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.n > 0 {
		w.idle.Wait()
	}
}
