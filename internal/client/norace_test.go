//go:build !race

package client_test

const racing = false
