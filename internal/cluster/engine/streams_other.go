//go:build !linux

package engine

func limitStreams(int) error { return nil }
