"""The errors of Linux: asm-generic/errno-base.h and errno.h, which x86-64 uses unchanged.

`raise ENOENT` raises one. Its number is what a system call returns, negated; the text is what strerror(3) says.
The aliases EWOULDBLOCK (EAGAIN), EDEADLOCK (EDEADLK) and ENOTSUP (EOPNOTSUPP) are not repeated.
"""

from __future__ import annotations

from codegen.lang import Errno


class EPERM(Errno, code=1):
    """Operation not permitted."""
class ENOENT(Errno, code=2):
    """No such file or directory."""
class ESRCH(Errno, code=3):
    """No such process."""
class EINTR(Errno, code=4):
    """Interrupted system call."""
class EIO(Errno, code=5):
    """Input/output error."""
class ENXIO(Errno, code=6):
    """No such device or address."""
class E2BIG(Errno, code=7):
    """Argument list too long."""
class ENOEXEC(Errno, code=8):
    """Exec format error."""
class EBADF(Errno, code=9):
    """Bad file descriptor."""
class ECHILD(Errno, code=10):
    """No child processes."""
class EAGAIN(Errno, code=11):
    """Resource temporarily unavailable."""
class ENOMEM(Errno, code=12):
    """Cannot allocate memory."""
class EACCES(Errno, code=13):
    """Permission denied."""
class EFAULT(Errno, code=14):
    """Bad address."""
class ENOTBLK(Errno, code=15):
    """Block device required."""
class EBUSY(Errno, code=16):
    """Device or resource busy."""
class EEXIST(Errno, code=17):
    """File exists."""
class EXDEV(Errno, code=18):
    """Invalid cross-device link."""
class ENODEV(Errno, code=19):
    """No such device."""
class ENOTDIR(Errno, code=20):
    """Not a directory."""
class EISDIR(Errno, code=21):
    """Is a directory."""
class EINVAL(Errno, code=22):
    """Invalid argument."""
class ENFILE(Errno, code=23):
    """Too many open files in system."""
class EMFILE(Errno, code=24):
    """Too many open files."""
class ENOTTY(Errno, code=25):
    """Inappropriate ioctl for device."""
class ETXTBSY(Errno, code=26):
    """Text file busy."""
class EFBIG(Errno, code=27):
    """File too large."""
class ENOSPC(Errno, code=28):
    """No space left on device."""
class ESPIPE(Errno, code=29):
    """Illegal seek."""
class EROFS(Errno, code=30):
    """Read-only file system."""
class EMLINK(Errno, code=31):
    """Too many links."""
class EPIPE(Errno, code=32):
    """Broken pipe."""
class EDOM(Errno, code=33):
    """Numerical argument out of domain."""
class ERANGE(Errno, code=34):
    """Numerical result out of range."""
class EDEADLK(Errno, code=35):
    """Resource deadlock avoided."""
class ENAMETOOLONG(Errno, code=36):
    """File name too long."""
class ENOLCK(Errno, code=37):
    """No locks available."""
class ENOSYS(Errno, code=38):
    """Function not implemented."""
class ENOTEMPTY(Errno, code=39):
    """Directory not empty."""
class ELOOP(Errno, code=40):
    """Too many levels of symbolic links."""
class ENOMSG(Errno, code=42):
    """No message of desired type."""
class EIDRM(Errno, code=43):
    """Identifier removed."""
class ECHRNG(Errno, code=44):
    """Channel number out of range."""
class EL2NSYNC(Errno, code=45):
    """Level 2 not synchronized."""
class EL3HLT(Errno, code=46):
    """Level 3 halted."""
class EL3RST(Errno, code=47):
    """Level 3 reset."""
class ELNRNG(Errno, code=48):
    """Link number out of range."""
class EUNATCH(Errno, code=49):
    """Protocol driver not attached."""
class ENOCSI(Errno, code=50):
    """No CSI structure available."""
class EL2HLT(Errno, code=51):
    """Level 2 halted."""
class EBADE(Errno, code=52):
    """Invalid exchange."""
class EBADR(Errno, code=53):
    """Invalid request descriptor."""
class EXFULL(Errno, code=54):
    """Exchange full."""
class ENOANO(Errno, code=55):
    """No anode."""
class EBADRQC(Errno, code=56):
    """Invalid request code."""
class EBADSLT(Errno, code=57):
    """Invalid slot."""
class EBFONT(Errno, code=59):
    """Bad font file format."""
class ENOSTR(Errno, code=60):
    """Device not a stream."""
class ENODATA(Errno, code=61):
    """No data available."""
class ETIME(Errno, code=62):
    """Timer expired."""
class ENOSR(Errno, code=63):
    """Out of streams resources."""
class ENONET(Errno, code=64):
    """Machine is not on the network."""
class ENOPKG(Errno, code=65):
    """Package not installed."""
class EREMOTE(Errno, code=66):
    """Object is remote."""
class ENOLINK(Errno, code=67):
    """Link has been severed."""
class EADV(Errno, code=68):
    """Advertise error."""
class ESRMNT(Errno, code=69):
    """Srmount error."""
class ECOMM(Errno, code=70):
    """Communication error on send."""
class EPROTO(Errno, code=71):
    """Protocol error."""
class EMULTIHOP(Errno, code=72):
    """Multihop attempted."""
class EDOTDOT(Errno, code=73):
    """RFS specific error."""
class EBADMSG(Errno, code=74):
    """Bad message."""
class EOVERFLOW(Errno, code=75):
    """Value too large for defined data type."""
class ENOTUNIQ(Errno, code=76):
    """Name not unique on network."""
class EBADFD(Errno, code=77):
    """File descriptor in bad state."""
class EREMCHG(Errno, code=78):
    """Remote address changed."""
class ELIBACC(Errno, code=79):
    """Can not access a needed shared library."""
class ELIBBAD(Errno, code=80):
    """Accessing a corrupted shared library."""
class ELIBSCN(Errno, code=81):
    """.lib section in a.out corrupted."""
class ELIBMAX(Errno, code=82):
    """Attempting to link in too many shared libraries."""
class ELIBEXEC(Errno, code=83):
    """Cannot exec a shared library directly."""
class EILSEQ(Errno, code=84):
    """Invalid or incomplete multibyte or wide character."""
class ERESTART(Errno, code=85):
    """Interrupted system call should be restarted."""
class ESTRPIPE(Errno, code=86):
    """Streams pipe error."""
class EUSERS(Errno, code=87):
    """Too many users."""
class ENOTSOCK(Errno, code=88):
    """Socket operation on non-socket."""
class EDESTADDRREQ(Errno, code=89):
    """Destination address required."""
class EMSGSIZE(Errno, code=90):
    """Message too long."""
class EPROTOTYPE(Errno, code=91):
    """Protocol wrong type for socket."""
class ENOPROTOOPT(Errno, code=92):
    """Protocol not available."""
class EPROTONOSUPPORT(Errno, code=93):
    """Protocol not supported."""
class ESOCKTNOSUPPORT(Errno, code=94):
    """Socket type not supported."""
class EOPNOTSUPP(Errno, code=95):
    """Operation not supported."""
class EPFNOSUPPORT(Errno, code=96):
    """Protocol family not supported."""
class EAFNOSUPPORT(Errno, code=97):
    """Address family not supported by protocol."""
class EADDRINUSE(Errno, code=98):
    """Address already in use."""
class EADDRNOTAVAIL(Errno, code=99):
    """Cannot assign requested address."""
class ENETDOWN(Errno, code=100):
    """Network is down."""
class ENETUNREACH(Errno, code=101):
    """Network is unreachable."""
class ENETRESET(Errno, code=102):
    """Network dropped connection on reset."""
class ECONNABORTED(Errno, code=103):
    """Software caused connection abort."""
class ECONNRESET(Errno, code=104):
    """Connection reset by peer."""
class ENOBUFS(Errno, code=105):
    """No buffer space available."""
class EISCONN(Errno, code=106):
    """Transport endpoint is already connected."""
class ENOTCONN(Errno, code=107):
    """Transport endpoint is not connected."""
class ESHUTDOWN(Errno, code=108):
    """Cannot send after transport endpoint shutdown."""
class ETOOMANYREFS(Errno, code=109):
    """Too many references: cannot splice."""
class ETIMEDOUT(Errno, code=110):
    """Connection timed out."""
class ECONNREFUSED(Errno, code=111):
    """Connection refused."""
class EHOSTDOWN(Errno, code=112):
    """Host is down."""
class EHOSTUNREACH(Errno, code=113):
    """No route to host."""
class EALREADY(Errno, code=114):
    """Operation already in progress."""
class EINPROGRESS(Errno, code=115):
    """Operation now in progress."""
class ESTALE(Errno, code=116):
    """Stale file handle."""
class EUCLEAN(Errno, code=117):
    """Structure needs cleaning."""
class ENOTNAM(Errno, code=118):
    """Not a XENIX named type file."""
class ENAVAIL(Errno, code=119):
    """No XENIX semaphores available."""
class EISNAM(Errno, code=120):
    """Is a named type file."""
class EREMOTEIO(Errno, code=121):
    """Remote I/O error."""
class EDQUOT(Errno, code=122):
    """Disk quota exceeded."""
class ENOMEDIUM(Errno, code=123):
    """No medium found."""
class EMEDIUMTYPE(Errno, code=124):
    """Wrong medium type."""
class ECANCELED(Errno, code=125):
    """Operation canceled."""
class ENOKEY(Errno, code=126):
    """Required key not available."""
class EKEYEXPIRED(Errno, code=127):
    """Key has expired."""
class EKEYREVOKED(Errno, code=128):
    """Key has been revoked."""
class EKEYREJECTED(Errno, code=129):
    """Key was rejected by service."""
class EOWNERDEAD(Errno, code=130):
    """Owner died."""
class ENOTRECOVERABLE(Errno, code=131):
    """State not recoverable."""
class ERFKILL(Errno, code=132):
    """Operation not possible due to RF-kill."""
