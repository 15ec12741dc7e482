//! What all streams of bytes have in common: methods, and the traits of `futures-io` and hyper.

/// Implements it for a type that is one `Arc<Io<mio's stream>>`.
macro_rules! stream {
    ($stream:ident, $example:literal) => {
        impl $stream {
            /// Reads what there is into `buffer`, once there is something; says how much. Zero means that the peer
            /// will send no more.
            ///
            /// Any number of tasks may read from clones at the same time; who gets which bytes is not said. Dropped before it is
            /// ready, it has read nothing.
            ///
            /// # Errors
            ///
            /// Those of the system, for instance that the peer has reset the connection.
            ///
            /// # Examples
            ///
            #[doc = $example]
            pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                let len = buffer.len();
                self.0
                    .run_some(Direction::Read, len, |mut socket| socket.read(buffer))
                    .await
            }

            /// Writes of `bytes` what there is room for, once there is some; says how many.
            ///
            /// Dropped before it is ready, it has written nothing.
            ///
            /// # Errors
            ///
            /// Those of the system, for instance that the peer reads no more.
            ///
            /// # Examples
            ///
            #[doc = $example]
            pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.0
                    .run_some(Direction::Write, bytes.len(), |mut socket| {
                        socket.write(bytes)
                    })
                    .await
            }

            /// Writes all of `bytes`. Dropped before it is ready, it has written some of them.
            ///
            /// # Errors
            ///
            /// As [`write`](Self::write).
            ///
            /// # Examples
            ///
            #[doc = $example]
            pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
                while !bytes.is_empty() {
                    match self.write(bytes).await? {
                        0 => return Err(io::ErrorKind::WriteZero.into()),
                        written => bytes = &bytes[written..],
                    }
                }
                Ok(())
            }

            /// Waits until there may be something to read, or the peer will send no more.
            ///
            /// # Examples
            ///
            #[doc = $example]
            pub async fn readable(&self) {
                self.0.ready(Direction::Read).await;
            }

            /// Waits until there may be room to write.
            ///
            /// # Examples
            ///
            #[doc = $example]
            pub async fn writable(&self) {
                self.0.ready(Direction::Write).await;
            }

            /// Shuts one half down, or both: of what this side writes the peer will find an end.
            ///
            /// # Errors
            ///
            /// Those of the system, for instance that the peer is gone already.
            ///
            /// # Examples
            ///
            #[doc = $example]
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.0.get().shutdown(how)
            }
        }

        /// For one task at a time in each direction, clones included: of several, the last to ask is woken. Use the
        /// methods where there are more.
        impl AsyncRead for &$stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let len = buffer.len();
                self.0
                    .poll_some(cx, Direction::Read, len, |mut socket| socket.read(buffer))
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                let len = buffers.iter().map(|buffer| buffer.len()).sum();
                self.0.poll_some(cx, Direction::Read, len, |mut socket| {
                    socket.read_vectored(buffers)
                })
            }
        }

        /// As for reading.
        impl AsyncWrite for &$stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.0
                    .poll_some(cx, Direction::Write, bytes.len(), |mut socket| {
                        socket.write(bytes)
                    })
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let len = slices.iter().map(|slice| slice.len()).sum();
                self.0.poll_some(cx, Direction::Write, len, |mut socket| {
                    socket.write_vectored(slices)
                })
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.0.get().shutdown(Shutdown::Write) {
                    // The peer was faster.
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                        Poll::Ready(Ok(()))
                    }
                    result => Poll::Ready(result),
                }
            }
        }

        impl AsyncRead for $stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self).poll_read(cx, buffer)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self).poll_read_vectored(cx, buffers)
            }
        }

        impl AsyncWrite for $stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self).poll_write(cx, bytes)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self).poll_write_vectored(cx, slices)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self).poll_flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self).poll_close(cx)
            }
        }

        #[cfg(feature = "hyper")]
        impl hyper::rt::Read for $stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                cursor: hyper::rt::ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                crate::hyper::poll_read(cx, &self.0, cursor)
            }
        }

        #[cfg(feature = "hyper")]
        impl hyper::rt::Write for $stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                AsyncWrite::poll_write(self, cx, bytes)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                AsyncWrite::poll_close(self, cx)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                AsyncWrite::poll_write_vectored(self, cx, slices)
            }
        }
    };
}

pub(crate) use stream;
