//go:build wasip1 && !qwenvoy_panic

package main

func faultPoint(string, fields) {}
